import type { IntensityPolicy } from './policy.ts'

/**
 * Counts restarts in a sliding window, exactly and in constant time: a restart is refused if and only if `restarts` accepted ones lie
 * within the last `within` milliseconds, both ends included. Only accepted ones are remembered.
 *
 * OTP counts in whole seconds; this counts in milliseconds. The ring holds the times of the last `restarts` accepted ones: with that many
 * remembered, the oldest of them alone decides.
 */
export class RestartWindow {
  readonly limit: number
  readonly within: number
  /** Grows up to `limit` entries, then is written round and round. */
  readonly #times: number[] = []
  #next = 0

  constructor({ restarts, within }: IntensityPolicy) {
    this.limit = restarts
    this.within = within
  }

  /** True when a restart at `now` would be accepted. */
  allows(now: number): boolean {
    if (this.#times.length < this.limit) return true
    const oldest = this.#times[this.#next]
    return oldest !== undefined && now - oldest > this.within
  }

  /** Remembers a restart at `now` and is true, or refuses it and is false. Times must not go back. */
  accept(now: number): boolean {
    if (!this.allows(now)) return false
    this.#times[this.#next] = now
    this.#next = (this.#next + 1) % this.limit
    return true
  }

  /** How many accepted restarts lie in the window that ends at `now`: a binary search, since the ring is in the order of time. */
  used(now: number): number {
    const count = this.#times.length
    const first = count < this.limit ? 0 : this.#next
    let low = 0
    let high = count
    while (low < high) {
      const middle = (low + high) >> 1
      const time = this.#times[(first + middle) % count] ?? now
      if (now - time > this.within) low = middle + 1
      else high = middle
    }
    return count - low
  }
}
