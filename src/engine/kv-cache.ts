import { Tensor } from 'onnxruntime-node'
import { ExovisorError } from '../errors.ts'

/** The cache of one layer over a range of slots. */
export interface CacheView {
  readonly key: Tensor
  readonly value: Tensor
}

export interface CacheShape {
  readonly layers: number
  readonly slots: number
  readonly kvHeads: number
  readonly context: number
  readonly headDim: number
}

const MAX_RANGES = 256

/**
 * Keys and values of all sequences: one array `[slots, kvHeads, context, headDim]` for each layer and kind.
 * Memory is only used for what has been written once.
 */
export class KvCache {
  readonly #shape: CacheShape
  readonly #arrays: readonly { readonly key: Float32Array; readonly value: Float32Array }[]
  readonly #ranges = new Map<number, readonly CacheView[]>()

  /** @throws EXO_ENGINE_FAILED when the arrays cannot be had */
  constructor(shape: CacheShape) {
    this.#shape = shape
    const { layers, slots, kvHeads, context, headDim } = shape
    const size = slots * kvHeads * context * headDim
    try {
      this.#arrays = Array.from({ length: layers }, () => ({
        key: new Float32Array(size),
        value: new Float32Array(size),
      }))
    } catch (cause) {
      throw new ExovisorError(
        'EXO_ENGINE_FAILED',
        `the KV cache of ${slots} slots with a context of ${context} would take ${size * 8 * layers} bytes; lower engine.slots or engine.context`,
        { cause, details: { bytes: size * 8 * layers, slots, context } },
      )
    }
  }

  /** Views of a range of slots, one per layer. The same range gives the same tensors. */
  range(firstSlot: number, count: number): readonly CacheView[] {
    const key = firstSlot * this.#shape.slots + count
    const known = this.#ranges.get(key)
    if (known) return known
    if (this.#ranges.size >= MAX_RANGES) this.#ranges.clear()
    const views = this.#arrays.map(array => ({
      key: this.#view(array.key, firstSlot, count),
      value: this.#view(array.value, firstSlot, count),
    }))
    this.#ranges.set(key, views)
    return views
  }

  #view(array: Float32Array, firstSlot: number, count: number): Tensor {
    const { kvHeads, context, headDim } = this.#shape
    const stride = kvHeads * context * headDim
    const part = array.subarray(firstSlot * stride, (firstSlot + count) * stride)
    return new Tensor('float32', part, [count, kvHeads, context, headDim])
  }
}
