import { type Deferred, deferred } from '../../concurrency/deferred.ts'
import { type CancelTimer, schedule } from '../../concurrency/timer.ts'
import type { ExovisorError } from '../../errors.ts'
import type { Environment } from '../environment.ts'
import type { PoolSettings } from './options.ts'
import { retryDelay } from './retry-delay.ts'

/** Says when a pool may create the members that it always keeps: at once, but after failures only now and then. */
export class Refill {
  readonly #settings: PoolSettings<never>
  readonly #environment: Environment
  readonly #again: () => void
  #failures = 0
  #isWaiting = false
  #lastError: ExovisorError | undefined
  #cancel: CancelTimer = () => undefined
  #first: Deferred<void> | undefined

  /** @param again called when the delay after a failure is over */
  constructor(settings: PoolSettings<never>, environment: Environment, again: () => void) {
    this.#settings = settings
    this.#environment = environment
    this.#again = again
  }

  get isAllowed(): boolean {
    return !this.#isWaiting
  }

  /** Why the last creation failed, until one succeeds. */
  get lastError(): ExovisorError | undefined {
    return this.#lastError
  }

  /** Resolves when the pool is filled for the first time; rejects with the reason of the first failure. */
  async first(signal: AbortSignal): Promise<void> {
    const first = deferred<void>()
    const abort = (): void => first.reject(signal.reason)
    this.#first = first
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    try {
      await first.promise
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** All members are there that the pool always keeps. */
  filled(): void {
    this.#first?.resolve()
  }

  succeeded(): void {
    this.#failures = 0
    this.#lastError = undefined
    this.stop()
  }

  failed(error: ExovisorError): void {
    this.#lastError = error
    this.#first?.reject(error)
    // Members that fail together count once.
    if (this.#isWaiting || this.#settings.min === 0) return
    this.#failures += 1
    this.#isWaiting = true
    const delay = retryDelay(this.#settings, this.#failures, this.#environment.random)
    this.#cancel = schedule(this.#environment.clock, delay, () => {
      this.#isWaiting = false
      this.#again()
    })
  }

  stop(): void {
    this.#isWaiting = false
    this.#cancel()
  }
}
