import type { Cancellation } from './cancellation.ts'
import { Holders } from './holders.ts'

/**
 * Mutual exclusion. Fair: it goes from hand to hand in the order in which they came for it. Not re-entrant: who holds it, or waits for
 * it, and comes for it again gets EXO_LOCK_MISUSE instead of waiting for himself.
 *
 * An owner is any object that stands for one flow of control; in most cases the scope of a task. Nobody but the owner releases it.
 *
 * @example
 * await withLock(lock, async () => {
 *   balance = (await read()) + 1
 * }, scope)
 */
export class Lock {
  readonly #holders = new Holders('the lock', 1)

  get isLocked(): boolean {
    return this.owner !== undefined
  }

  /** Who holds it, if anybody does. */
  get owner(): object | undefined {
    const [owner] = this.#holders.holding
    return owner
  }

  /** How many wait for it. */
  get waiting(): number {
    return this.#holders.waiting
  }

  /**
   * Waits for the lock.
   *
   * @param cancellation default: the owner, if it is a scope or a signal
   * @throws EXO_LOCK_MISUSE when this owner holds it or waits for it; EXO_ABORTED when it is cancelled, also before
   */
  acquire(owner: object, cancellation?: Cancellation): Promise<void> {
    return this.#holders.acquire(owner, cancellation)
  }

  /**
   * Takes the lock if it is free.
   *
   * @throws EXO_WOULD_BLOCK when it is not; EXO_LOCK_MISUSE when this owner holds it or waits for it
   */
  tryAcquire(owner: object): void {
    this.#holders.tryAcquire(owner)
  }

  /**
   * Gives the lock to the first who waits.
   *
   * @throws EXO_LOCK_MISUSE when this owner does not hold it
   */
  release(owner: object): void {
    this.#holders.release(owner)
  }
}

/**
 * Does some work while the lock is held, and releases it however the work ends.
 *
 * @param owner who holds it meanwhile; see {@link Lock}
 * @param cancellation ends the wait for the lock, not the work. Default: the owner, if it is a scope or a signal
 * @throws what {@link Lock.acquire} throws, or the work
 */
export async function withLock<T>(
  lock: Lock,
  work: () => T | Promise<T>,
  owner: object,
  cancellation?: Cancellation,
): Promise<T> {
  await lock.acquire(owner, cancellation)
  try {
    return await work()
  } finally {
    lock.release(owner)
  }
}
