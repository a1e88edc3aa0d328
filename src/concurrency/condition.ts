import { ExovisorError } from '../errors.ts'
import { type Cancellation, cancelSource, refuseCancelled } from './cancellation.ts'
import { Lock } from './lock.ts'
import { WaitQueue } from './wait-queue.ts'

/**
 * Waits until something that a lock protects has changed.
 *
 * A wait that was notified ends as notified, also when it is cancelled while it waits for the lock: a notification is never spent on
 * somebody who does not act on it.
 *
 * @example
 * await withLock(condition.lock, () => condition.waitUntil(() => queue.length > 0, scope), scope)
 */
export class Condition {
  readonly lock: Lock
  readonly #waiting = new WaitQueue<void>()

  /** @param lock several conditions may share one. Default: one of its own */
  constructor(lock: Lock = new Lock()) {
    this.lock = lock
  }

  /** How many wait to be notified. */
  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Releases the lock, waits to be notified, and has the lock again when it ends, however it ends.
   *
   * @throws EXO_LOCK_MISUSE when the owner does not hold the lock; EXO_ABORTED when it is cancelled, also before
   */
  async wait(owner: object, cancellation?: Cancellation): Promise<void> {
    refuseCancelled(cancellation)
    this.#mustHold(owner)
    const notified = this.#waiting.wait(undefined, cancellation)
    this.lock.release(owner)
    try {
      await notified
    } finally {
      await this.lock.acquire(owner, cancelSource(undefined))
    }
  }

  /**
   * Waits until the predicate holds: looks at once, and after each notification. It is called while the lock is held.
   *
   * @throws what {@link wait} throws, or the predicate
   */
  async waitUntil(predicate: () => boolean, owner: object, cancellation?: Cancellation): Promise<void> {
    refuseCancelled(cancellation)
    this.#mustHold(owner)
    while (!predicate()) await this.wait(owner, cancellation)
  }

  /**
   * Wakes those who have waited longest. They go on one by one, once the lock is released.
   *
   * @param count how many at most. Default: 1
   * @throws EXO_LOCK_MISUSE when the owner does not hold the lock
   */
  notify(owner: object, count = 1): void {
    this.#mustHold(owner)
    for (let left = count; left > 0 && this.#waiting.grant(() => undefined); left -= 1);
  }

  /**
   * Wakes all who wait now.
   *
   * @throws EXO_LOCK_MISUSE when the owner does not hold the lock
   */
  notifyAll(owner: object): void {
    this.notify(owner, Number.POSITIVE_INFINITY)
  }

  #mustHold(owner: object): void {
    if (this.lock.owner !== owner) {
      throw new ExovisorError(
        'EXO_LOCK_MISUSE',
        'a condition was used by somebody who does not hold its lock',
      )
    }
  }
}
