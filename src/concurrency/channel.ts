import { isExovisorError } from '../errors.ts'
import type { Cancellation } from './cancellation.ts'
import { ChannelState, type ChannelStatistics } from './channel-state.ts'
import { wholeOrInfinite } from './whole-number.ts'

export type { ChannelStatistics } from './channel-state.ts'

/** The two ends of a channel, as {@link channel} makes them. */
export interface Channel<T> {
  readonly sender: Sender<T>
  readonly receiver: Receiver<T>
}

/**
 * A way for items from any number of senders to any number of receivers, in order, each item to exactly one receiver. The buffer bounds
 * what is under way: who sends faster than others receive has to wait. A cancelled send has sent nothing, a cancelled receive has
 * taken nothing.
 *
 * @param capacity items that wait in between at most: a whole number, or infinite. 0: each send waits until its item is received
 * @throws EXO_OPTION_INVALID
 * @example
 * const { sender, receiver } = channel<Token>(16)
 * group.spawn(async scope => {
 *   using _ = sender
 *   for (const token of tokens) await sender.send(token, scope)
 * })
 * for await (const token of receiver) print(token)
 */
export function channel<T>(capacity: number): Channel<T> {
  const state = new ChannelState<T>(wholeOrInfinite('the capacity of a channel', capacity))
  return { sender: new Sender(state), receiver: new Receiver(state) }
}

/** The end of a channel that gives items. {@link clone} it for each who sends: the receivers end once all senders are closed. */
export class Sender<T> implements Disposable {
  readonly #state: ChannelState<T>

  /** Made by {@link channel} and {@link clone}. */
  constructor(state: ChannelState<T>) {
    this.#state = state
    state.openSender(this)
  }

  get statistics(): ChannelStatistics {
    return this.#state.statistics
  }

  /**
   * Sends an item; waits while the buffer is full, and without a buffer until it is received.
   *
   * @throws EXO_CHANNEL_CLOSED when all receivers are closed; EXO_RESOURCE_CLOSED when this sender is; EXO_ABORTED when it is
   *   cancelled, also before
   */
  send(item: T, cancellation?: Cancellation): Promise<void> {
    return this.#state.send(this, item, cancellation)
  }

  /**
   * Sends an item if there is a place for it.
   *
   * @throws EXO_WOULD_BLOCK when there is none; EXO_CHANNEL_CLOSED when all receivers are closed; EXO_RESOURCE_CLOSED when this sender is
   */
  trySend(item: T): void {
    this.#state.trySend(this, item)
  }

  /**
   * One more sender of the same channel, which is closed on its own.
   *
   * @throws EXO_RESOURCE_CLOSED when this one is closed
   */
  clone(): Sender<T> {
    this.#state.refuseClosed(this)
    return new Sender(this.#state)
  }

  /** What was sent stays. A send of this sender that waits throws EXO_RESOURCE_CLOSED. Closing again does nothing. */
  close(): void {
    this.#state.closeSender(this)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** The end of a channel that takes items. {@link clone} it for each who receives: the senders fail once all receivers are closed. */
export class Receiver<T> implements Disposable, AsyncIterable<T> {
  readonly #state: ChannelState<T>

  /** Made by {@link channel} and {@link clone}. */
  constructor(state: ChannelState<T>) {
    this.#state = state
    state.openReceiver(this)
  }

  get statistics(): ChannelStatistics {
    return this.#state.statistics
  }

  /**
   * Takes the oldest item; waits while there is none.
   *
   * @throws EXO_CHANNEL_CLOSED when all senders are closed and no item is left; EXO_RESOURCE_CLOSED when this receiver is closed;
   *   EXO_ABORTED when it is cancelled, also before
   */
  receive(cancellation?: Cancellation): Promise<T> {
    return this.#state.receive(this, cancellation)
  }

  /**
   * Takes the oldest item if there is one.
   *
   * @throws EXO_WOULD_BLOCK when there is none; EXO_CHANNEL_CLOSED when all senders are closed besides; EXO_RESOURCE_CLOSED when this
   *   receiver is closed
   */
  tryReceive(): T {
    return this.#state.tryReceive(this)
  }

  /**
   * One more receiver of the same channel, which is closed on its own. An item goes to one of them, not to all.
   *
   * @throws EXO_RESOURCE_CLOSED when this one is closed
   */
  clone(): Receiver<T> {
    this.#state.refuseClosed(this)
    return new Receiver(this.#state)
  }

  /** A receive of this receiver that waits throws EXO_RESOURCE_CLOSED; with the last receiver what is in the buffer goes. Closing again does nothing. */
  close(): void {
    this.#state.closeReceiver(this)
  }

  /** The items, until all senders are closed. Leaving the loop closes nothing: another one goes on with the next item. */
  items(cancellation?: Cancellation): AsyncIterableIterator<T, undefined> {
    const iterator: AsyncIterableIterator<T, undefined> = {
      next: () =>
        this.receive(cancellation).then(
          value => ({ value, done: false }),
          (error: unknown) => {
            if (!isExovisorError(error, 'EXO_CHANNEL_CLOSED')) throw error
            return { value: undefined, done: true }
          },
        ),
      [Symbol.asyncIterator]: () => iterator,
    }
    return iterator
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return this.items()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
