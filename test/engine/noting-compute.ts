import { DummyCompute } from '../../src/engine/dummy-compute.ts'
import type { ShardInput } from '../../src/engine/shard.ts'

/** A dummy engine that notes its steps, and fails where it is told to. */
export class NotingCompute extends DummyCompute {
  readonly steps: string[] = []
  failAt: ((slot: number, position: number) => Error | undefined) | undefined
  #inBatch = false

  override forward(slot: number, position: number, input: ShardInput, rows: number, wantLogits: boolean) {
    if (!this.#inBatch) this.steps.push(`${slot}@${position}+${rows}`)
    const error = this.failAt?.(slot, position)
    if (error) throw error
    return super.forward(slot, position, input, rows, wantLogits)
  }

  override decodeBatch(slots: readonly number[], positions: readonly number[], input: ShardInput) {
    this.steps.push(`[${slots.join()}]@[${positions.join()}]`)
    this.#inBatch = true
    try {
      return super.decodeBatch(slots, positions, input)
    } finally {
      this.#inBatch = false
    }
  }
}
