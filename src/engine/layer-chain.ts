import { Tensor } from 'onnxruntime-node'
import type { ModelConfig } from '../models/model.ts'
import { Activations } from './activations.ts'
import { KvCache } from './kv-cache.ts'
import { needsPositions } from './llama-graph.ts'
import type { OrtSession, TensorsByName } from './ort-runner.ts'
import { ropeTables } from './rope.ts'
import { andThen, type Soon } from './soon.ts'

interface LayerRun {
  readonly session: OrtSession
  readonly feeds: TensorsByName
  readonly fetches: TensorsByName
}

interface LayerChainOptions {
  readonly sessions: readonly OrtSession[]
  readonly config: ModelConfig
  readonly context: number
  readonly slots: number
  /** The most rows of one run. */
  readonly maxRows: number
}

/**
 * The layers of a shard, one session each, over shared buffers and one KV cache. The feeds of a run are kept and only
 * changed where the next run differs, so that a decode step allocates next to nothing.
 */
export class LayerChain {
  /** Where the hidden states go in, before a run. */
  readonly input: Float32Array
  readonly #runs: readonly LayerRun[]
  readonly #cache: KvCache
  readonly #activations: Activations
  readonly #hiddenSize: number
  readonly #needsPositions: boolean
  readonly #last: Int32Array
  readonly #lastTensors: readonly Tensor[]
  readonly #total = new Int32Array(1)
  #prepared = ''

  constructor({ sessions, config, context, slots, maxRows }: LayerChainOptions) {
    const { hiddenSize, kvHeads, headDim } = config
    this.#hiddenSize = hiddenSize
    this.#needsPositions = needsPositions(config)
    this.#cache = new KvCache({ layers: sessions.length, slots, kvHeads, context, headDim })
    this.#activations = new Activations(maxRows, hiddenSize)
    this.input = this.#activations.front
    this.#last = new Int32Array(slots)
    this.#lastTensors = Array.from(
      { length: slots },
      (_, index) => new Tensor('int32', this.#last.subarray(0, index + 1), [index + 1]),
    )
    const { cos, sin } = ropeTables(config, context)
    const constant = {
      total: new Tensor('int32', this.#total, []),
      cos: new Tensor('float32', cos, [context, headDim / 2]),
      sin: new Tensor('float32', sin, [context, headDim / 2]),
    }
    this.#runs = sessions.map(session => ({ session, feeds: { ...constant }, fetches: {} }))
  }

  /**
   * Runs all layers over `batch` neighbouring slots, `rows` tokens each, with {@link input} as hidden states.
   * @param lengths for each slot of the range: positions in the sequence once these rows are added
   * @returns a view of the hidden states `[batch * rows * hiddenSize]`
   */
  run(firstSlot: number, batch: number, rows: number, lengths: readonly number[]): Soon<Float32Array> {
    let longest = 0
    for (let i = 0; i < batch; i++) {
      const length = lengths[i] ?? 0
      this.#last[i] = length - 1
      if (length > longest) longest = length
    }
    this.#total[0] = longest
    if (this.#needsPositions) this.#setPositions(batch, rows, lengths)
    this.#prepare(firstSlot, batch, rows)
    return andThen(this.#runFrom(0), () => this.#output(batch * rows))
  }

  async release(): Promise<void> {
    for (const { session } of this.#runs) await session.release()
  }

  #setPositions(batch: number, rows: number, lengths: readonly number[]): void {
    for (let i = 0; i < batch * rows; i++)
      this.#activations.positions[i] = BigInt((lengths[Math.floor(i / rows)] ?? 0) - rows + (i % rows))
  }

  #prepare(firstSlot: number, batch: number, rows: number): void {
    const wanted = `${firstSlot} ${batch} ${rows}`
    if (wanted === this.#prepared) return
    const { front, back, positions } = this.#activations.tensors(batch, rows)
    const views = this.#cache.range(firstSlot, batch)
    const last = this.#lastTensors[batch - 1]
    for (const [layer, { feeds, fetches }] of this.#runs.entries()) {
      const view = views[layer]
      if (!view || !last) throw new RangeError(`no cache for ${batch} slots from ${firstSlot}`)
      const even = layer % 2 === 0
      Object.assign(feeds, {
        hidden: even ? front : back,
        key_cache: view.key,
        value_cache: view.value,
        last,
      })
      if (this.#needsPositions) Object.assign(feeds, { positions })
      // The order counts: the first output is the one that is constructed, see ort-runner.ts.
      Object.assign(fetches, {
        hidden_out: even ? back : front,
        present_key: view.key,
        present_value: view.value,
      })
    }
    this.#prepared = wanted
  }

  #runFrom(start: number): Soon<void> {
    for (let layer = start; layer < this.#runs.length; layer++) {
      const run = this.#runs[layer]
      const pending = run?.session.run(run.feeds, run.fetches)
      if (pending) return pending.then(() => this.#runFrom(layer + 1))
    }
  }

  #output(rows: number): Float32Array {
    const { front, back } = this.#activations
    return (this.#runs.length % 2 === 0 ? front : back).subarray(0, rows * this.#hiddenSize)
  }
}
