import type { IntensityPolicy } from './policy.ts'

const none: number[] = []

/**
 * Counts restarts in a sliding window, exactly and in constant time: a restart is refused if and only if `restarts` accepted ones lie
 * within the last `within` milliseconds, both ends included. Only accepted ones are remembered.
 *
 * OTP counts in whole seconds; this counts in milliseconds. The ring holds the times of the last `restarts` accepted ones: with that many
 * remembered, the oldest of them alone decides. A clock that jumps back counts as one that stood still: the window neither empties nor
 * stays full for longer than it should.
 */
export class RestartWindow {
  readonly limit: number
  readonly within: number
  /** Grows up to `limit` entries, then is written round and round. */
  #times: number[] = none
  #next = 0
  /** The latest time that was asked about. */
  #seen = Number.NEGATIVE_INFINITY
  /** How far the clock has jumped back so far, in all. */
  #lost = 0

  constructor({ restarts, within }: IntensityPolicy) {
    this.limit = restarts
    this.within = within
  }

  /** True when a restart at `now` would be accepted. */
  allows(now: number): boolean {
    return this.#allowsAt(this.#steady(now))
  }

  /** Remembers a restart at `now` and is true, or refuses it and is false. */
  accept(now: number): boolean {
    const time = this.#steady(now)
    if (!this.#allowsAt(time)) return false
    this.#remember(time)
    return true
  }

  /** How many accepted restarts lie in the window that ends at `now`: a binary search, since the ring is in the order of time. */
  used(now: number): number {
    const end = this.#steady(now)
    const count = this.#times.length
    let low = 0
    let high = count
    while (low < high) {
      const middle = (low + high) >> 1
      if (end - this.#at(middle) > this.within) low = middle + 1
      else high = middle
    }
    return count - low
  }

  /** A window of another intensity that knows of the same restarts: the newest ones, when it has room for fewer. */
  resized(intensity: IntensityPolicy): RestartWindow {
    const resized = new RestartWindow(intensity)
    const count = this.#times.length
    for (let index = Math.max(0, count - intensity.restarts); index < count; index += 1)
      resized.#remember(this.#at(index))
    resized.#seen = this.#seen
    resized.#lost = this.#lost
    return resized
  }

  #allowsAt(time: number): boolean {
    if (this.#times.length < this.limit) return true
    return this.limit > 0 && time - this.#at(0) > this.within
  }

  /** The accepted times from the oldest to the newest. */
  #at(index: number): number {
    // While the ring grows, the next place is behind all of them, so that counting on from it comes to the oldest as well.
    return this.#times[(this.#next + index) % this.#times.length] ?? Number.NEGATIVE_INFINITY
  }

  #remember(time: number): void {
    // Most children restart once, if ever: an array that grows would begin with room for seventeen.
    if (this.#times === none) this.#times = [time]
    else this.#times[this.#next] = time
    this.#next = (this.#next + 1) % this.limit
  }

  /** A time that never goes back. */
  #steady(now: number): number {
    if (now + this.#lost < this.#seen) this.#lost = this.#seen - now
    this.#seen = now + this.#lost
    return this.#seen
  }
}
