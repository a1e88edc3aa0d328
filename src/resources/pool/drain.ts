import type { Clock } from '../../concurrency/clock.ts'
import { deferred } from '../../concurrency/deferred.ts'
import { type CancelTimer, schedule } from '../../concurrency/timer.ts'

/** The end of a pool: what is borrowed may come back until the time is over. */
export class Drain {
  readonly reason: string
  readonly #force: () => void
  readonly #done = deferred<void>()
  readonly #ended = new AbortController()
  readonly #cancelTimer: CancelTimer

  /** @param force called when nobody waits any longer for what is borrowed */
  constructor(reason: string, clock: Clock, timeout: number, force: () => void) {
    this.reason = reason
    this.#force = force
    this.#cancelTimer = schedule(clock, timeout, force)
  }

  /** Resolves when no member is left. */
  get done(): Promise<void> {
    return this.#done.promise
  }

  /** Waits no longer for what is borrowed once this signal is aborted. */
  hurry(signal: AbortSignal): void {
    if (signal.aborted) this.#force()
    else signal.addEventListener('abort', this.#force, { once: true, signal: this.#ended.signal })
  }

  /** No member is left. */
  finish(): void {
    this.#cancelTimer()
    this.#ended.abort()
    this.#done.resolve()
  }
}
