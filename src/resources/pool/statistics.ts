/** How a pool stands, and what has happened in it since it began. Plain data. */
export interface PoolStatistics {
  /** Members now, in whatever state; never more than `max`. The next five add up to it. */
  readonly members: number
  readonly idle: number
  readonly borrowed: number
  readonly creating: number
  /** Looked at before they are lent. */
  readonly validating: number
  readonly closing: number
  /** Callers that wait now. */
  readonly waiting: number
  /** Members that became READY, and those among them that are CLOSED. */
  readonly created: number
  readonly destroyed: number
  readonly createFailures: number
  /** Borrows so far. */
  readonly borrows: number
  /** Callers that gave up: because their time was over, or by their signal. */
  readonly timeouts: number
  readonly cancelled: number
  /** Callers that were refused because too many waited. */
  readonly refused: number
  readonly validationFailures: number
  readonly abandoned: number
  /** Members that their borrowers gave back as broken. */
  readonly discarded: number
  /** Members that failed, degraded or ended by themselves. */
  readonly lost: number
  readonly idleExpired: number
  readonly lifetimeExpired: number
  /** Cleanups of members that threw or took too long. */
  readonly closeFailures: number
  /** How long borrowers waited, in milliseconds: the median of the last 512, and the longest of all. */
  readonly wait: { readonly p50: number; readonly max: number }
}

/** What a pool counts and never takes back. */
export type PoolCounters = {
  -readonly [Name in Exclude<
    keyof PoolStatistics,
    'members' | 'idle' | 'borrowed' | 'creating' | 'validating' | 'closing' | 'waiting' | 'wait'
  >]: number
}

/** Everything at zero. */
export const noCounters = (): PoolCounters => ({
  created: 0,
  destroyed: 0,
  createFailures: 0,
  borrows: 0,
  timeouts: 0,
  cancelled: 0,
  refused: 0,
  validationFailures: 0,
  abandoned: 0,
  discarded: 0,
  lost: 0,
  idleExpired: 0,
  lifetimeExpired: 0,
  closeFailures: 0,
})

const KEPT = 512

/** The waiting times of the last borrows, in a ring, and the longest ever. */
export class WaitTimes {
  readonly #ring = new Float64Array(KEPT)
  #count = 0
  #max = 0

  add(ms: number): void {
    this.#ring[this.#count % KEPT] = ms
    this.#count += 1
    this.#max = Math.max(this.#max, ms)
  }

  summary(): PoolStatistics['wait'] {
    const sorted = this.#ring.slice(0, Math.min(this.#count, KEPT)).sort()
    return { p50: sorted[(sorted.length - 1) >> 1] ?? 0, max: this.#max }
  }
}
