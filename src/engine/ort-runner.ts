import { isMainThread } from 'node:worker_threads'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { ExovisorError } from '../errors.ts'
import { encodeModel, onnxType } from './onnx-model.ts'

/** Tensors by the names of a graph's inputs or outputs. */
export type TensorsByName = Record<string, Tensor>

/** One loaded graph. */
export interface OrtSession {
  /**
   * Runs the graph into tensors that the caller has made. With the direct runner it is done on return.
   * @param fetches the first one should be small
   */
  run(feeds: TensorsByName, fetches: TensorsByName): void | Promise<void>
  release(): void | Promise<void>
}

/** A way to run graphs. */
export interface OrtRunner {
  readonly kind: 'direct' | 'stock'
  /** @param folder what the external constants of the graph are relative to */
  load(graph: Uint8Array, folder: string, threads: number): Promise<OrtSession>
}

/** Below this nothing is printed: what goes wrong is thrown, and told by whoever catches it. */
const FATAL = 4

type SessionOptions = InferenceSession.SessionOptions

function sessionOptions(folder: string, threads: number): SessionOptions {
  return {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: FATAL,
    extra: {
      session: {
        model_external_initializers_file_folder_path: folder,
        // Threads that spin while another session runs cost many times what they save.
        intra_op: { allow_spinning: '0' },
      },
    },
  }
}

/** The documented API. It copies every output once more, the whole KV cache included, after each run. */
export const stockRunner: OrtRunner = {
  kind: 'stock',
  async load(graph, folder, threads) {
    const session = await InferenceSession.create(graph, sessionOptions(folder, threads))
    return {
      async run(feeds, fetches) {
        await session.run(feeds, fetches)
      },
      release: () => session.release(),
    }
  },
}

/** Thrown out of a run when its outputs are there and the copying is about to begin. */
const outputsAreThere = new Error('outputs are there')
let copying = true

const outputTensor = new Proxy(Tensor, {
  construct(target, parameters: ConstructorParameters<typeof Tensor>): Tensor {
    if (!copying) throw outputsAreThere
    return new target(...parameters)
  },
})

type Binding = typeof import('onnxruntime-node/dist/binding.js')

/**
 * The native binding without the layer above it. It constructs a tensor for each output from a fresh copy; the
 * constructor that we give it throws at the first one. By then the run is over and the outputs lie in our buffers.
 * An internal of one version of the package, so {@link chooseRunner} tries it out first.
 *
 * @throws when the package has no such module
 */
export async function directRunner(): Promise<OrtRunner> {
  const { binding }: Binding = await import('onnxruntime-node/dist/binding.js')
  binding.initOrtOnce(FATAL, outputTensor, isMainThread)
  return {
    kind: 'direct',
    async load(graph, folder, threads) {
      const session = new binding.InferenceSession()
      session.loadModel(
        graph.buffer as ArrayBuffer,
        graph.byteOffset,
        graph.byteLength,
        sessionOptions(folder, threads),
      )
      return {
        run(feeds, fetches) {
          copying = false
          try {
            session.run(feeds, fetches, {})
          } catch (error) {
            if (error !== outputsAreThere) throw error
          } finally {
            copying = true
          }
        },
        release: () => session.dispose(),
      }
    },
  }
}

const CACHE_SIZE = 4

/** Tries on a small attention whether outputs land in our buffers, and a cache is appended to in place. */
export async function testRunner(runner: OrtRunner): Promise<void> {
  const cache = ['batch', 1, CACHE_SIZE, 8]
  const value = (name: string, dims: readonly (number | string)[], type: number = onnxType.FLOAT) => ({
    name,
    type,
    dims,
  })
  const graph = encodeModel({
    name: 'self-test',
    inputs: [
      value('row', ['batch', 1, 8]),
      value('key', cache),
      value('value', cache),
      value('last', ['batch'], onnxType.INT32),
      value('total', [], onnxType.INT32),
    ],
    outputs: [value('out', ['batch', 1, 8]), value('present_key', cache), value('present_value', cache)],
    constants: [],
    nodes: [
      {
        op: 'GroupQueryAttention',
        domain: 'com.microsoft',
        inputs: ['row', 'row', 'row', 'key', 'value', 'last', 'total'],
        outputs: ['out', 'present_key', 'present_value'],
        ints: { num_heads: 1, kv_num_heads: 1 },
      },
    ],
  })
  const session = await runner.load(graph, '.', 1)
  try {
    await expectAppended(session)
  } finally {
    await session.release()
  }
}

async function expectAppended(session: OrtSession): Promise<void> {
  const key = new Tensor('float32', new Float32Array(CACHE_SIZE * 8), [1, 1, CACHE_SIZE, 8])
  const value = new Tensor('float32', new Float32Array(CACHE_SIZE * 8), [1, 1, CACHE_SIZE, 8])
  const row = new Tensor('float32', new Float32Array(8), [1, 1, 8])
  const out = new Tensor('float32', new Float32Array(8), [1, 1, 8])
  const last = new Tensor('int32', new Int32Array(1), [1])
  const total = new Tensor('int32', new Int32Array(1), [])
  for (let position = 0; position < 3; position++) {
    ;(row.data as Float32Array).fill(position + 1)
    ;(last.data as Int32Array)[0] = position
    ;(total.data as Int32Array)[0] = position + 1
    await session.run({ row, key, value, last, total }, { out, present_key: key, present_value: value })
    const appended = (key.data as Float32Array).filter((_, index) => index % 8 === 0).join()
    const expected = [1, 2, 3].map(step => (step <= position + 1 ? step : 0)).join()
    if (appended !== `${expected},0` || !((out.data as Float32Array)[0] !== 0))
      throw new ExovisorError('EXO_ENGINE_FAILED', `the cache holds ${appended}, expected ${expected},0`)
  }
}

/**
 * The direct runner if it passes its self-test, or else the stock one.
 * @param direct replaced in tests
 * @throws EXO_ENGINE_FAILED when the stock one fails the self-test as well
 */
export async function chooseRunner(direct: () => Promise<OrtRunner> = directRunner): Promise<OrtRunner> {
  try {
    const runner = await direct()
    await testRunner(runner)
    return runner
  } catch (cause) {
    try {
      await testRunner(stockRunner)
    } catch (error) {
      throw new ExovisorError('EXO_ENGINE_FAILED', 'ONNX Runtime does not write outputs into given buffers', {
        cause: new AggregateError([cause, error]),
      })
    }
    return stockRunner
  }
}
