import { ExovisorError } from '../errors.ts'
import type { ShardInput } from './shard.ts'

/** Which slots of a shard are taken, and how many positions of each are computed. */
export class SlotTable {
  readonly context: number
  readonly #taken: boolean[]
  readonly #lengths: number[]

  constructor(slots: number, context: number) {
    this.context = context
    this.#taken = Array.from({ length: slots }, () => false)
    this.#lengths = Array.from({ length: slots }, () => 0)
  }

  /**
   * Takes the lowest free slot, so that the slots in use stay close together.
   * @throws EXO_ENGINE_BUSY
   */
  acquire(): number {
    const slot = this.#taken.indexOf(false)
    if (slot < 0)
      throw new ExovisorError('EXO_ENGINE_BUSY', `all ${this.#taken.length} slots of the engine are taken`, {
        details: { slots: this.#taken.length },
      })
    this.#taken[slot] = true
    this.#lengths[slot] = 0
    return slot
  }

  release(slot: number): void {
    this.#taken[slot] = false
    this.#lengths[slot] = 0
  }

  /** Positions computed so far; 0 in a free slot. */
  length(slot: number): number {
    return this.#lengths[slot] ?? 0
  }

  /** Notes that everything before `length` is computed, and nothing after. */
  advance(slot: number, length: number): void {
    this.#lengths[slot] = length
  }

  /**
   * Checks that rows can be computed now.
   * @throws EXO_PROMPT_TOO_LONG beyond the context, EXO_ENGINE_FAILED for anything else
   */
  check(slot: number, position: number, rows: number): void {
    if (this.#taken[slot] !== true)
      throw new ExovisorError('EXO_ENGINE_FAILED', `slot ${slot} is not taken`, { details: { slot } })
    const held = this.length(slot)
    if (!Number.isInteger(position) || position < 0 || position > held)
      throw new ExovisorError(
        'EXO_ENGINE_FAILED',
        `position ${position} does not follow what slot ${slot} holds: ${held} positions`,
        { details: { slot, position, held } },
      )
    if (!Number.isInteger(rows) || rows < 1)
      throw new ExovisorError('EXO_ENGINE_FAILED', `${rows} rows for slot ${slot}, expected 1 or more`)
    if (position + rows > this.context) throw promptTooLong(position + rows, this.context)
  }
}

/** A sequence that does not fit. */
export const promptTooLong = (tokens: number, context: number): ExovisorError =>
  new ExovisorError('EXO_PROMPT_TOO_LONG', `${tokens} tokens, but the context has room for ${context}`, {
    details: { tokens, context },
  })

/**
 * Checks that an input is of the right kind and size.
 * @throws EXO_ENGINE_FAILED
 */
export function checkInput(input: ShardInput, rows: number, first: boolean, hiddenSize: number): void {
  const length = first ? rows : rows * hiddenSize
  if (input instanceof Int32Array === first && input.length === length) return
  const kind = input instanceof Int32Array ? 'token ids' : 'hidden values'
  throw new ExovisorError(
    'EXO_ENGINE_FAILED',
    `the input has ${input.length} ${kind}, expected ${length} ${first ? 'token ids' : 'hidden values'} for ${rows} rows`,
    { details: { length: input.length, expected: length } },
  )
}
