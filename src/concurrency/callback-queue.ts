import { ExovisorError } from '../errors.ts'
import type { CallbackListener, HandlerFault } from './callback-listener.ts'
import { Fifo } from './fifo.ts'
import { WaitQueue } from './wait-queue.ts'
import { wholeNumber } from './whole-number.ts'

/** How many values wait for one handler, unless its subscriber says otherwise. */
export const DEFAULT_QUEUE = 1_024

/** The bound of the queue that a handler of `onNextAsync` has, and what happens beyond it. */
export interface CallbackQueueOptions {
  /** Values that wait while the handler is busy: a whole number from 1. Default: 1024. */
  readonly capacity?: number
  /**
   * - `backpressure`: the promise of `set` waits until there is room. So many more values may wait that way as the queue has places; beyond
   *   these the value is refused.
   * - `reject`: a value that finds the queue full is refused.
   *
   * A refused value is lost for this handler, and for no other: `set` rejects with EXO_MAILBOX_FULL, and so it is told to `onError`.
   * Default: `backpressure`.
   */
  readonly overflow?: 'backpressure' | 'reject'
}

/** A handler with a queue of its own: however slow it is, it holds up no other handler. */
export class QueuedHandler<T> implements CallbackListener<T> {
  readonly #name: string
  readonly #handler: (value: T) => unknown
  readonly #fault: HandlerFault<T>
  readonly #capacity: number
  readonly #most: number
  readonly #values = new Fifo<T>()
  /** The setters of the values that are beyond the capacity. */
  readonly #room = new WaitQueue<void>()
  #isServing = false

  constructor(
    name: string,
    handler: (value: T) => unknown,
    fault: HandlerFault<T>,
    { capacity = DEFAULT_QUEUE, overflow = 'backpressure' }: CallbackQueueOptions,
  ) {
    this.#name = name
    this.#handler = handler
    this.#fault = fault
    this.#capacity = wholeNumber(`the capacity of a handler of ${name}`, capacity, 1)
    this.#most = overflow === 'backpressure' ? 2 * capacity : capacity
  }

  next(value: T): Promise<void> | undefined {
    if (this.#values.size >= this.#most) return this.#refuse(value)
    this.#values.push(value)
    if (!this.#isServing) void this.#serve()
    return this.#values.size > this.#capacity ? this.#room.wait(undefined) : undefined
  }

  leave(): void {
    while (this.#values.shift());
    while (this.#room.grant(() => undefined));
  }

  end(): void {
    // What waits is still handled: it had been set before.
  }

  #refuse(value: T): Promise<void> {
    const error = new ExovisorError(
      'EXO_MAILBOX_FULL',
      `a handler of ${this.#name} is too slow: ${this.#values.size} values wait for it`,
    )
    this.#fault(error, value)
    return Promise.reject(error)
  }

  async #serve(): Promise<void> {
    this.#isServing = true
    // A handler with a queue never runs in the stack of a setter.
    await Promise.resolve()
    for (let entry = this.#values.shift(); entry; entry = this.#values.shift()) {
      this.#room.grant(() => undefined)
      try {
        await this.#handler(entry.value)
      } catch (error) {
        this.#fault(error, entry.value)
      }
    }
    this.#isServing = false
  }
}
