import { ExovisorError } from '../errors.ts'
import { type Cancellation, refuseCancelled } from './cancellation.ts'
import { WaitQueue } from './wait-queue.ts'
import { wholeNumber, wholeOrInfinite } from './whole-number.ts'

/**
 * A number of permits that anybody may take and anybody may give, first come, first served. Where who takes also gives back, a
 * {@link CapacityLimiter} notices more mistakes.
 *
 * @example
 * const downloads = new Semaphore(4)
 * await withPermit(downloads, () => download(url), scope)
 */
export class Semaphore {
  readonly #max: number
  readonly #waiting = new WaitQueue<void>()
  #value: number

  /**
   * @param value the permits at the beginning: a whole number from 0
   * @param options.max more permits than these are never there at one time. Default: no limit
   * @throws EXO_OPTION_INVALID
   */
  constructor(value: number, { max = Number.POSITIVE_INFINITY }: { readonly max?: number } = {}) {
    this.#value = wholeNumber('the value of a semaphore', value)
    this.#max = wholeOrInfinite('the max of a semaphore', max)
    if (value > max) {
      throw new ExovisorError(
        'EXO_OPTION_INVALID',
        `the value of a semaphore is ${value}, expected at most its max, ${max}`,
      )
    }
  }

  /** The permits that are free. */
  get value(): number {
    return this.#value
  }

  get max(): number {
    return this.#max
  }

  /** How many wait for a permit. */
  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Waits for a permit and takes it.
   *
   * @throws EXO_ABORTED when it is cancelled, also before
   */
  async acquire(cancellation?: Cancellation): Promise<void> {
    refuseCancelled(cancellation)
    if (!this.#take()) await this.#waiting.wait(undefined, cancellation)
  }

  /**
   * Takes a permit if one is free.
   *
   * @throws EXO_WOULD_BLOCK when none is
   */
  tryAcquire(): void {
    if (!this.#take()) throw new ExovisorError('EXO_WOULD_BLOCK', 'the semaphore has no free permit')
  }

  /**
   * Gives a permit: to the first who waits, if anybody does.
   *
   * @throws EXO_LOCK_MISUSE when there are as many free ones as there may be
   */
  release(): void {
    if (this.#waiting.grant(() => undefined)) return
    if (this.#value >= this.#max) {
      throw new ExovisorError(
        'EXO_LOCK_MISUSE',
        `a semaphore of at most ${this.#max} permits was released once too often`,
      )
    }
    this.#value += 1
  }

  #take(): boolean {
    if (this.#value === 0) return false
    this.#value -= 1
    return true
  }
}

/**
 * Does some work with a permit, and gives it back however the work ends.
 *
 * @param cancellation ends the wait for the permit, not the work
 * @throws EXO_ABORTED when the wait is cancelled, or what the work throws
 */
export async function withPermit<T>(
  semaphore: Semaphore,
  work: () => T | Promise<T>,
  cancellation?: Cancellation,
): Promise<T> {
  await semaphore.acquire(cancellation)
  try {
    return await work()
  } finally {
    semaphore.release()
  }
}
