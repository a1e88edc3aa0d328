import { Tensor } from 'onnxruntime-node'

/** What the layers of one step share: hidden states before and after a layer (the two take turns), and positions. */
export interface StepTensors {
  readonly front: Tensor
  readonly back: Tensor
  /** Indexes in the sequence `[batch, rows]`. */
  readonly positions: Tensor
}

const MAX_SHAPES = 64

/** The buffers that a step works in. Tensors over them are made once for each shape. */
export class Activations {
  readonly front: Float32Array
  readonly back: Float32Array
  readonly positions: BigInt64Array<ArrayBuffer>
  readonly #hiddenSize: number
  readonly #shapes = new Map<number, StepTensors>()
  readonly #maxRows: number

  constructor(maxRows: number, hiddenSize: number) {
    this.#maxRows = maxRows
    this.#hiddenSize = hiddenSize
    this.front = new Float32Array(maxRows * hiddenSize)
    this.back = new Float32Array(maxRows * hiddenSize)
    this.positions = new BigInt64Array(maxRows)
  }

  /** Tensors `[batch, rows, ...]` over the first part of the buffers. */
  tensors(batch: number, rows: number): StepTensors {
    const key = batch * (this.#maxRows + 1) + rows
    const known = this.#shapes.get(key)
    if (known) return known
    if (this.#shapes.size >= MAX_SHAPES) this.#shapes.clear()
    const size = batch * rows * this.#hiddenSize
    const tensor = (buffer: Float32Array) =>
      new Tensor('float32', buffer.subarray(0, size), [batch, rows, this.#hiddenSize])
    const tensors = {
      front: tensor(this.front),
      back: tensor(this.back),
      positions: new Tensor('int64', this.positions.subarray(0, batch * rows), [batch, rows]),
    }
    this.#shapes.set(key, tensors)
    return tensors
  }
}
