import { ExovisorError } from '../errors.ts'
import type { Model } from '../models/model.ts'
import { elementBytes, widen } from './half-floats.ts'
import { locateTensor, openWeights } from './weights.ts'

/** The input embedding. Its rows are read from the file when they are needed: it takes no memory. */
export interface Embedding {
  /**
   * Writes the row of each id to `target`, one after the other.
   * @throws EXO_ENGINE_FAILED for an id that the vocabulary does not have
   */
  lookUp(ids: Int32Array, target: Float32Array): void
  close(): void
}

/** @throws EXO_MODEL_INVALID, EXO_SAFETENSORS_INVALID */
export function openEmbedding(model: Model): Embedding {
  const { vocabSize, hiddenSize } = model.config
  const name = 'model.embed_tokens.weight'
  const location = locateTensor(model, name, [vocabSize, hiddenSize])
  const file = openWeights(name, location)
  const row = new Uint8Array(hiddenSize * elementBytes(location.dtype))
  return {
    lookUp(ids, target) {
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i] ?? -1
        if (id < 0 || id >= vocabSize)
          throw new ExovisorError(
            'EXO_ENGINE_FAILED',
            `token id ${id} at row ${i}: the model has ids 0 to ${vocabSize - 1}`,
            { details: { id, vocabSize } },
          )
        file.read(location.offset + id * row.length, row)
        widen(row, location.dtype, target.subarray(i * hiddenSize, (i + 1) * hiddenSize))
      }
    },
    close: () => file.close(),
  }
}
