import type { Cancellation } from './cancellation.ts'
import { Holders } from './holders.ts'
import { wholeOrInfinite } from './whole-number.ts'

/** What a capacity limiter knows of itself. */
export interface CapacityStatistics {
  readonly total: number
  readonly borrowed: number
  readonly available: number
  /** Who has a token, in the order in which they got it. */
  readonly borrowers: readonly object[]
  /** How many wait for a token. */
  readonly waiting: number
}

/**
 * Limits how many do something at one time. Each borrower has at most one token, and nobody else gives it back. The total can be changed
 * while it is in use.
 *
 * A borrower is any object on whose behalf a token is taken: in most cases the scope of a task.
 *
 * @example
 * const loads = new CapacityLimiter(2)
 * await withToken(loads, () => load(model), scope)
 */
export class CapacityLimiter {
  readonly #holders: Holders

  /**
   * @param total the tokens: a whole number from 0, or infinite
   * @throws EXO_OPTION_INVALID
   */
  constructor(total: number) {
    this.#holders = new Holders('a token of a capacity limiter', checked(total))
  }

  get total(): number {
    return this.#holders.total
  }

  /**
   * A larger total wakes as many of those who wait as it has tokens for. A smaller one takes no token away: none is lent until so many
   * have come back.
   *
   * @throws EXO_OPTION_INVALID
   */
  set total(total: number) {
    this.#holders.total = checked(total)
  }

  /** The tokens that can be borrowed now. */
  get available(): number {
    return Math.max(0, this.total - this.#holders.holding.size)
  }

  get statistics(): CapacityStatistics {
    const { total, available } = this
    const borrowers = [...this.#holders.holding]
    return { total, available, borrowed: borrowers.length, borrowers, waiting: this.#holders.waiting }
  }

  /**
   * Waits for a token, on behalf of the borrower.
   *
   * @param cancellation default: the borrower, if it is a scope or a signal
   * @throws EXO_LOCK_MISUSE when this borrower has one or waits for one; EXO_ABORTED when it is cancelled, also before
   */
  acquireOnBehalfOf(borrower: object, cancellation?: Cancellation): Promise<void> {
    return this.#holders.acquire(borrower, cancellation)
  }

  /**
   * Takes a token if one is available.
   *
   * @throws EXO_WOULD_BLOCK when none is; EXO_LOCK_MISUSE when this borrower has one or waits for one
   */
  tryAcquireOnBehalfOf(borrower: object): void {
    this.#holders.tryAcquire(borrower)
  }

  /**
   * Gives the token of this borrower back.
   *
   * @throws EXO_LOCK_MISUSE when it has none
   */
  releaseOnBehalfOf(borrower: object): void {
    this.#holders.release(borrower)
  }
}

const checked = (total: number): number => wholeOrInfinite('the total of a capacity limiter', total)

/**
 * Does some work with a token, and gives it back however the work ends.
 *
 * @param borrower on whose behalf; see {@link CapacityLimiter}
 * @param cancellation ends the wait for the token, not the work. Default: the borrower, if it is a scope or a signal
 * @throws what {@link CapacityLimiter.acquireOnBehalfOf} throws, or the work
 */
export async function withToken<T>(
  limiter: CapacityLimiter,
  work: () => T | Promise<T>,
  borrower: object,
  cancellation?: Cancellation,
): Promise<T> {
  await limiter.acquireOnBehalfOf(borrower, cancellation)
  try {
    return await work()
  } finally {
    limiter.releaseOnBehalfOf(borrower)
  }
}
