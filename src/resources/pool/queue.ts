import type { Clock } from '../../concurrency/clock.ts'
import { type WaitOptions, watchLimits } from '../../concurrency/wait.ts'
import type { ExovisorError } from '../../errors.ts'
import type { Waiter } from './waiter.ts'

/** The callers that wait for a member, in the order of their coming. */
export class WaiterQueue<Client> {
  readonly #clock: Clock
  readonly #waiters = new Set<Waiter<Client>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#waiters.size
  }

  /** Who has waited longest. */
  get first(): Waiter<Client> | undefined {
    const [waiter] = this.#waiters
    return waiter
  }

  [Symbol.iterator](): Iterator<Waiter<Client>> {
    return this.#waiters.values()
  }

  has(waiter: Waiter<Client>): boolean {
    return this.#waiters.has(waiter)
  }

  /** Puts a caller at the end. `on` hears, at most once, that it waits no longer; `remove` comes before that. */
  add(
    waiter: Waiter<Client>,
    limits: WaitOptions,
    on: { readonly timeout: () => void; readonly abort: (reason: unknown) => void },
  ): void {
    this.#waiters.add(waiter)
    waiter.stopWatching = watchLimits(this.#clock, limits, on)
  }

  /** Takes a caller out, with its timers. */
  remove(waiter: Waiter<Client>): void {
    this.#waiters.delete(waiter)
    waiter.stopWatching()
    waiter.cancelRetry()
  }

  /** Refuses all who wait. */
  clear(error: ExovisorError): void {
    for (const waiter of this.#waiters) {
      this.remove(waiter)
      waiter.refuse(error)
    }
  }
}
