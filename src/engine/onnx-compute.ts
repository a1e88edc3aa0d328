import { nextTurn } from '../concurrency/next-turn.ts'
import { ExovisorError } from '../errors.ts'
import type { Model } from '../models/model.ts'
import { type Embedding, openEmbedding } from './embedding.ts'
import { LayerChain } from './layer-chain.ts'
import { llamaHead, llamaLayer, requireHeadSize, type WeightedGraph } from './llama-graph.ts'
import { encodeModel } from './onnx-model.ts'
import { chooseRunner, type OrtRunner, type OrtSession } from './ort-runner.ts'
import { OutputHead } from './output-head.ts'
import {
  describeShard,
  type ShardCompute,
  type ShardDescription,
  type ShardInput,
  type ShardSpec,
} from './shard.ts'
import { type SlotSpan, spansOf } from './slot-spans.ts'
import { checkInput, SlotTable } from './slot-table.ts'
import { andThen, type Soon } from './soon.ts'

const NOTHING = new Float32Array(0)

interface Parts {
  readonly description: ShardDescription
  readonly slots: number
  readonly maxRows: number
  readonly chain: LayerChain
  readonly embedding: Embedding | undefined
  readonly head: OutputHead | undefined
}

/** Layers of a model, computed by ONNX Runtime in 32-bit floats. */
class OnnxCompute implements ShardCompute {
  readonly description: ShardDescription
  readonly first: boolean
  readonly last: boolean
  readonly hiddenSize: number
  readonly vocabSize: number
  readonly #parts: Parts
  readonly #slots: SlotTable
  readonly #lengths: number[] = []
  #gathered = NOTHING

  constructor(parts: Parts) {
    const { description } = parts
    this.description = description
    this.first = description.first
    this.last = description.last
    this.hiddenSize = description.hiddenSize
    this.vocabSize = description.vocabSize
    this.#parts = parts
    this.#slots = new SlotTable(parts.slots, description.contextLength)
  }

  acquire(): number {
    return this.#slots.acquire()
  }

  release(slot: number): void {
    this.#slots.release(slot)
  }

  forward(
    slot: number,
    position: number,
    input: ShardInput,
    rows: number,
    wantLogits: boolean,
  ): Soon<Float32Array> {
    this.#slots.check(slot, position, rows)
    checkInput(input, rows, this.first, this.hiddenSize)
    if (rows > this.#parts.maxRows) return this.#forwardInPieces(slot, position, input, rows, wantLogits)
    this.#load(input, 0)
    // Should the run fail, what it has overwritten counts as not computed.
    this.#slots.advance(slot, position)
    this.#lengths[0] = position + rows
    return andThen(this.#parts.chain.run(slot, 1, rows, this.#lengths), hidden => {
      this.#slots.advance(slot, position + rows)
      if (!this.#parts.head) return hidden
      return wantLogits ? this.#parts.head.run(hidden.subarray((rows - 1) * this.hiddenSize), 1) : NOTHING
    })
  }

  decodeBatch(slots: readonly number[], positions: readonly number[], input: ShardInput): Soon<Float32Array> {
    checkInput(input, slots.length, this.first, this.hiddenSize)
    for (const [index, slot] of slots.entries()) this.#slots.check(slot, positions[index] ?? -1, 1)
    const spans = spansOf(slots, slot => this.#slots.length(slot) < this.#slots.context)
    const width = this.last ? this.vocabSize : this.hiddenSize
    const [only] = spans
    if (only && spans.length === 1 && only.members.every((member, row) => member === row))
      return this.#decodeSpan(only, slots, positions, input)
    if (this.#gathered.length < slots.length * width) this.#gathered = new Float32Array(slots.length * width)
    const decodeFrom = (index: number): Soon<Float32Array> => {
      const span = spans[index]
      if (!span) return this.#gathered.subarray(0, slots.length * width)
      return andThen(this.#decodeSpan(span, slots, positions, input), output => {
        for (const [row, member] of span.members.entries())
          if (member >= 0) this.#gathered.set(output.subarray(row * width, (row + 1) * width), member * width)
        return decodeFrom(index + 1)
      })
    }
    return decodeFrom(0)
  }

  async dispose(): Promise<void> {
    await this.#parts.chain.release()
    await this.#parts.head?.release()
    this.#parts.embedding?.close()
  }

  #decodeSpan(
    { first, members }: SlotSpan,
    slots: readonly number[],
    positions: readonly number[],
    input: ShardInput,
  ): Soon<Float32Array> {
    const { chain, head } = this.#parts
    for (const [row, member] of members.entries()) {
      // A throw-away row lands behind what its slot holds, where the next real one overwrites it.
      const position = member < 0 ? this.#slots.length(first + row) : (positions[member] ?? 0)
      this.#lengths[row] = position + 1
      if (member >= 0) {
        this.#load(this.#rowOf(input, member), row)
        this.#slots.advance(first + row, position)
      } else chain.input.fill(0, row * this.hiddenSize, (row + 1) * this.hiddenSize)
    }
    return andThen(chain.run(first, members.length, 1, this.#lengths), hidden => {
      for (const member of members) {
        const slot = slots[member]
        if (slot !== undefined) this.#slots.advance(slot, (positions[member] ?? 0) + 1)
      }
      return head ? head.run(hidden, members.length) : hidden
    })
  }

  #rowOf(input: ShardInput, row: number): ShardInput {
    const width = this.first ? 1 : this.hiddenSize
    return input.subarray(row * width, (row + 1) * width)
  }

  #load(input: ShardInput, firstRow: number): void {
    const target = this.#parts.chain.input.subarray(firstRow * this.hiddenSize)
    if (input instanceof Float32Array) target.set(input)
    else this.#parts.embedding?.lookUp(input, target)
  }

  async #forwardInPieces(
    slot: number,
    position: number,
    input: ShardInput,
    rows: number,
    wantLogits: boolean,
  ): Promise<Float32Array> {
    const whole = this.last ? NOTHING : new Float32Array(rows * this.hiddenSize)
    const width = this.first ? 1 : this.hiddenSize
    let output = NOTHING
    for (let done = 0; done < rows; ) {
      const count = Math.min(this.#parts.maxRows, rows - done)
      const piece = input.subarray(done * width, (done + count) * width)
      const isEnd = done + count === rows
      output = (await this.forward(slot, position + done, piece, count, wantLogits && isEnd)) as typeof output
      if (!this.last) whole.set(output, done * this.hiddenSize)
      done += count
    }
    return this.last ? output : whole
  }
}

/** What loading may be given. */
export interface LoadOptions {
  /** Stops the loading between two layers. */
  readonly signal?: AbortSignal
  /** How graphs are run; by default what {@link chooseRunner} finds. */
  readonly runner?: OrtRunner
}

/**
 * Loads the layers of a shard. Between two layers the event loop of the thread has its turn.
 *
 * @throws EXO_CONFIG_INVALID, EXO_ARCHITECTURE_UNKNOWN, EXO_MODEL_INVALID, EXO_SAFETENSORS_INVALID, EXO_ENGINE_FAILED, EXO_ABORTED
 */
export async function loadOnnxCompute(
  model: Model,
  spec: ShardSpec,
  options: LoadOptions = {},
): Promise<ShardCompute> {
  const description = describeShard(spec, model.config)
  requireHeadSize(model)
  const { config } = model
  const runner = options.runner ?? (await chooseRunner())
  const opened: (() => Soon<void>)[] = []
  const load = async (name: string, { graph, folder }: WeightedGraph): Promise<OrtSession> => {
    await nextTurn()
    if (options.signal?.aborted)
      throw new ExovisorError('EXO_ABORTED', `loading ${model.directory} was cancelled before ${name}`)
    try {
      const session = await runner.load(encodeModel(graph), folder, spec.threads)
      opened.push(() => session.release())
      return session
    } catch (cause) {
      throw new ExovisorError('EXO_ENGINE_FAILED', `${model.directory}: ONNX Runtime cannot load ${name}`, {
        cause,
      })
    }
  }
  try {
    const embedding = description.first ? openEmbedding(model) : undefined
    if (embedding) opened.push(() => embedding.close())
    const sessions: OrtSession[] = []
    for (let layer = spec.layers[0]; layer < spec.layers[1]; layer++)
      sessions.push(await load(`layer ${layer}`, llamaLayer(model, layer, spec.context)))
    const head = description.last
      ? new OutputHead(
          await load('the output head', llamaHead(model)),
          config.hiddenSize,
          config.vocabSize,
          spec.slots,
        )
      : undefined
    const maxRows = Math.max(spec.prefillChunk, spec.slots)
    const chain = new LayerChain({ sessions, config, context: spec.context, slots: spec.slots, maxRows })
    return new OnnxCompute({ description, slots: spec.slots, maxRows, chain, embedding, head })
  } catch (error) {
    for (const close of opened) await close()
    throw error
  }
}
