import type { Clock } from '../concurrency/clock.ts'

/** A token bucket: `burst` messages at once, then `perSecond` of them. */
export class MessageRate {
  readonly #clock: Clock
  readonly #burst: number
  readonly #perSecond: number
  #left: number
  #at: number

  constructor(clock: Clock, { burst, perSecond }: { readonly burst: number; readonly perSecond: number }) {
    this.#clock = clock
    this.#burst = burst
    this.#perSecond = perSecond
    this.#left = burst
    this.#at = clock.now()
  }

  /** False for a message that is too many. */
  admits(): boolean {
    const now = this.#clock.now()
    this.#left = Math.min(this.#burst, this.#left + ((now - this.#at) * this.#perSecond) / 1_000)
    this.#at = now
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }
}
