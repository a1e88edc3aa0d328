import { ExovisorError } from '../errors.ts'
import { allDone } from './all-done.ts'
import { type CallbackCondition, ConditionListener } from './callback-condition.ts'
import { DirectHandler } from './callback-direct.ts'
import type { CallbackListener, HandlerFault } from './callback-listener.ts'
import { type CallbackQueueOptions, DEFAULT_QUEUE, QueuedHandler } from './callback-queue.ts'
import { type Cancellation, refuseCancelled } from './cancellation.ts'
import { type Clock, realClock } from './clock.ts'
import { Fifo } from './fifo.ts'
import { schedule } from './timer.ts'
import { wholeNumber } from './whole-number.ts'

export type { CallbackCondition } from './callback-condition.ts'
export type { CallbackQueueOptions } from './callback-queue.ts'

/** How an {@link AsyncCallback} is made. */
export interface CallbackOptions<T> {
  /** Hears of each error of each handler, and of each value that a handler was too slow for. What it throws itself goes nowhere. */
  readonly onError: (error: unknown, value: T) => unknown
  /** Names it in messages. Default: `the callback` */
  readonly name?: string
  /** Measures the timeouts of waits. Default: the clock of the machine */
  readonly clock?: Clock
}

/** Limits of one {@link AsyncCallback.wait}. */
export interface CallbackWaitOptions {
  /** Milliseconds. Default: no limit. */
  readonly timeout?: number
  readonly cancellation?: Cancellation
  /** True: the value that was set last before is not looked at. Default: false. */
  readonly onlyNew?: boolean
  /** How many values may wait for an answer of an async condition: a whole number from 1. Default: 1024. */
  readonly capacity?: number
}

interface Delivery<T> {
  readonly value: T
  readonly delivered: (work: Promise<void> | undefined) => void
}

/**
 * Values that are told to handlers as they come, and can be waited for. Every handler and every wait sees every value, also those of one
 * burst, and in the order in which they were set. An error of a handler is told to `onError` and stops nobody else.
 *
 * Handlers may be sync or async. Those of {@link onNext} run within {@link set}, one after the other: for what must have happened when `set`
 * returns. Those of {@link onNextAsync} have a queue each: for what takes its time.
 *
 * @example
 * const tokens = new AsyncCallback<Token>({ onError: error => log.error({ error }, 'a handler failed') })
 * tokens.onNextAsync(token => socket.send(token))
 * const last = tokens.wait(token => token.isLast, { timeout: 60_000 })
 * await tokens.set(token)
 */
export class AsyncCallback<T> {
  readonly #name: string
  readonly #clock: Clock
  readonly #onError: (error: unknown, value: T) => unknown
  readonly #listeners = new Set<CallbackListener<T>>()
  /** Set by a handler while values were told: told when all have heard the one before. */
  readonly #undelivered = new Fifo<Delivery<T>>()
  #isDelivering = false
  #last: { readonly value: T } | undefined
  #isClosed = false

  constructor({ onError, name = 'the callback', clock = realClock }: CallbackOptions<T>) {
    this.#name = name
    this.#clock = clock
    this.#onError = onError
  }

  /** The value that was set last; undefined before the first. */
  get last(): T | undefined {
    return this.#last?.value
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /**
   * Calls the handler with each value from now on, within `set` and before `set` returns; the handlers in the order of their registration.
   * What an async one does after its first `await` may overlap with its next value, unless the setter awaits `set`.
   *
   * @returns ends it at once, also for the value that is being told
   * @throws EXO_RESOURCE_CLOSED
   */
  onNext(handler: (value: T) => unknown): () => void {
    return this.#listen(new DirectHandler(handler, this.#fault))
  }

  /**
   * Calls the handler with each value from now on, one at a time: with the next when it is done with the one before. Nobody waits for
   * it but who sets values faster than it takes them; see {@link CallbackQueueOptions}. A handler that awaits `set` of the same callback
   * may wait for itself, once its queue is full.
   *
   * @returns ends it at once: what is in its queue is dropped
   * @throws EXO_RESOURCE_CLOSED, EXO_OPTION_INVALID
   */
  onNextAsync(handler: (value: T) => unknown, options: CallbackQueueOptions = {}): () => void {
    return this.#listen(new QueuedHandler(this.#name, handler, this.#fault, options))
  }

  /**
   * Tells a value to all handlers and waits. Before it returns the handlers of `onNext` were called, the queues have the value, and the
   * conditions that answer at once were asked; within a handler that happens when all have heard the value before.
   *
   * @returns done when the handlers of `onNext` are done with the value and each queue has room for it. It need not be awaited: its
   *   rejection is never an unhandled one.
   * @throws EXO_MAILBOX_FULL when a handler was too slow and has lost the value; EXO_RESOURCE_CLOSED
   */
  set(value: T): Promise<void> {
    const told = this.#told(value)
    told.catch(() => undefined)
    return told
  }

  /**
   * Waits for a value that satisfies the condition: looks at the last one at once, and at each later one.
   *
   * @param condition may be async; it is asked of one value after the other
   * @throws EXO_DEADLINE_EXCEEDED after the timeout; EXO_ABORTED when it is cancelled, also before; EXO_RESOURCE_CLOSED when the callback
   *   is closed; EXO_MAILBOX_FULL when an async condition is too slow for the values; or what the condition throws
   */
  async wait(condition: CallbackCondition<T>, options: CallbackWaitOptions = {}): Promise<T> {
    const { timeout = Number.POSITIVE_INFINITY, cancellation, onlyNew = false } = options
    refuseCancelled(cancellation)
    const capacity = wholeNumber(
      `the capacity of a wait for ${this.#name}`,
      options.capacity ?? DEFAULT_QUEUE,
      1,
    )
    const listener = new ConditionListener(this.#name, condition, capacity)
    const leave = this.#listen(listener)
    const disarm = schedule(this.#clock, timeout, () => listener.result.fail(this.#late(timeout)))
    try {
      if (this.#last && !onlyNew) listener.next(this.#last.value)
      return await listener.result.wait(cancellation)
    } finally {
      disarm()
      leave()
    }
  }

  /** Ends all waits with EXO_RESOURCE_CLOSED and takes no more values. What queues hold is still handled. Closing again does nothing. */
  close(): void {
    this.#isClosed = true
    for (const listener of this.#listeners) listener.end()
    this.#listeners.clear()
  }

  readonly #fault: HandlerFault<T> = (error, value) => {
    // Async, so that what onError throws, now or later, ends here: there is nowhere left to tell it.
    void (async () => this.#onError(error, value))().catch(() => undefined)
  }

  #late(timeout: number): ExovisorError {
    return new ExovisorError(
      'EXO_DEADLINE_EXCEEDED',
      `no value of ${this.#name} satisfied the condition within ${timeout} ms`,
    )
  }

  #refuseClosed(): void {
    if (this.#isClosed) throw new ExovisorError('EXO_RESOURCE_CLOSED', `${this.#name} is closed`)
  }

  #listen(listener: CallbackListener<T>): () => void {
    this.#refuseClosed()
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
      listener.leave()
    }
  }

  async #told(value: T): Promise<void> {
    this.#refuseClosed()
    await new Promise<void>(resolve => {
      this.#undelivered.push({ value, delivered: work => resolve(work) })
      if (!this.#isDelivering) this.#deliver()
    })
  }

  #deliver(): void {
    this.#isDelivering = true
    for (let entry = this.#undelivered.shift(); entry; entry = this.#undelivered.shift()) {
      const { value, delivered } = entry.value
      this.#last = { value }
      delivered(this.#tell(value))
    }
    this.#isDelivering = false
  }

  /** Those who come while it is told do not hear it, and neither do those who leave. */
  #tell(value: T): Promise<void> | undefined {
    const work: Promise<void>[] = []
    for (const listener of [...this.#listeners]) {
      const busy = this.#listeners.has(listener) ? listener.next(value) : undefined
      if (busy) work.push(busy)
    }
    return work.length > 0 ? allDone(work) : undefined
  }
}
