import { type Cancellation, refuseCancelled } from './cancellation.ts'
import { WaitQueue } from './wait-queue.ts'

/**
 * Something that happens once. It cannot be taken back: who waits for the next time needs another event.
 *
 * @example
 * const ready = new Event()
 * group.spawn(async scope => {
 *   await ready.wait(scope)
 * })
 * ready.set()
 */
export class Event {
  readonly #waiting = new WaitQueue<void>()
  #isSet = false

  get isSet(): boolean {
    return this.#isSet
  }

  /** How many wait for it. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** It has happened: all who wait go on, in the order in which they came. Setting it again does nothing. */
  set(): void {
    this.#isSet = true
    while (this.#waiting.grant(() => undefined));
  }

  /**
   * Waits until it has happened; goes on at once if it has.
   *
   * @throws EXO_ABORTED when it is cancelled, also before
   */
  async wait(cancellation?: Cancellation): Promise<void> {
    refuseCancelled(cancellation)
    if (!this.#isSet) await this.#waiting.wait(undefined, cancellation)
  }
}
