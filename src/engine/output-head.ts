import { Tensor } from 'onnxruntime-node'
import type { OrtSession, TensorsByName } from './ort-runner.ts'
import { andThen, type Soon } from './soon.ts'

/** The final norm and the output projection. */
export class OutputHead {
  readonly #session: OrtSession
  readonly #hidden: Float32Array
  readonly #logits: Float32Array
  readonly #shapes: readonly { readonly feeds: TensorsByName; readonly fetches: TensorsByName }[]
  readonly #vocabSize: number

  /** @param maxRows how many rows one run takes at most */
  constructor(session: OrtSession, hiddenSize: number, vocabSize: number, maxRows: number) {
    this.#session = session
    this.#vocabSize = vocabSize
    this.#hidden = new Float32Array(maxRows * hiddenSize)
    this.#logits = new Float32Array(maxRows * vocabSize)
    const tensor = (buffer: Float32Array, rows: number, width: number) =>
      new Tensor('float32', buffer.subarray(0, rows * width), [rows, width])
    this.#shapes = Array.from({ length: maxRows }, (_, index) => ({
      feeds: { hidden: tensor(this.#hidden, index + 1, hiddenSize) },
      fetches: { logits: tensor(this.#logits, index + 1, vocabSize) },
    }))
  }

  /** @returns a view of the logits `[rows * vocabSize]` */
  run(hidden: Float32Array, rows: number): Soon<Float32Array> {
    const shape = this.#shapes[rows - 1]
    if (!shape) throw new RangeError(`${rows} rows for the output projection`)
    this.#hidden.set(hidden)
    return andThen(this.#session.run(shape.feeds, shape.fetches), () =>
      this.#logits.subarray(0, rows * this.#vocabSize),
    )
  }

  release(): Soon<void> {
    return this.#session.release()
  }
}
