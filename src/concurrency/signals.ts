import { type Cancellation, cancelSource, refuseCancelled } from './cancellation.ts'
import { WaitQueue } from './wait-queue.ts'

/** Where signals come from: `process`, or a stand-in for it. */
export interface SignalEmitter {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown
}

/** Signals of the process, one after the other, as {@link signalStream} gives them. */
export class SignalStream implements AsyncIterableIterator<NodeJS.Signals, undefined>, Disposable {
  readonly #signals: ReadonlySet<NodeJS.Signals>
  readonly #cancellation: Cancellation | undefined
  readonly #emitter: SignalEmitter
  /** Came, and not taken yet. A set: a signal that comes twice before it is taken is one, as everywhere below Unix. */
  readonly #pending = new Set<NodeJS.Signals>()
  readonly #waiting = new WaitQueue<NodeJS.Signals | undefined>()
  readonly #forget: () => void
  #isClosed = false
  readonly #came = (signal: NodeJS.Signals): void => {
    if (!this.#waiting.grant(() => signal)) this.#pending.add(signal)
  }

  constructor(
    signals: Iterable<NodeJS.Signals>,
    cancellation: Cancellation | undefined,
    emitter: SignalEmitter,
  ) {
    refuseCancelled(cancellation)
    this.#signals = new Set(signals)
    this.#cancellation = cancellation
    this.#emitter = emitter
    for (const signal of this.#signals) emitter.on(signal, this.#came)
    this.#forget = cancelSource(cancellation).onCancel(() => this.#stopListening())
  }

  /**
   * The next signal; waits until one comes.
   *
   * @throws EXO_ABORTED when the stream is cancelled
   */
  async next(): Promise<IteratorResult<NodeJS.Signals, undefined>> {
    refuseCancelled(this.#cancellation)
    if (this.#isClosed) return { value: undefined, done: true }
    const [pending] = this.#pending
    if (pending) this.#pending.delete(pending)
    const signal = pending ?? (await this.#waiting.wait(undefined, this.#cancellation))
    return signal === undefined ? { value: undefined, done: true } : { value: signal, done: false }
  }

  /** Ends the stream. From then on the signals do what they do when nobody listens. Closing again does nothing. */
  close(): void {
    this.#isClosed = true
    this.#forget()
    this.#stopListening()
    while (this.#waiting.grant(() => undefined));
  }

  async return(): Promise<IteratorResult<NodeJS.Signals, undefined>> {
    this.close()
    return { value: undefined, done: true }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #stopListening(): void {
    for (const signal of this.#signals) this.#emitter.off(signal, this.#came)
  }
}

/**
 * Signals of the process as an async iterable. It listens from this call on, not only from the first `next`; and until the loop is left,
 * it is closed, or the cancellation comes. While it listens the signals do not end the process.
 *
 * @param emitter default: the process
 * @throws EXO_ABORTED when it is cancelled already
 * @example
 * for await (const signal of signalStream(['SIGINT', 'SIGTERM'], scope)) {
 *   if (isStopping) process.exit(1)
 *   stop(signal)
 * }
 */
export function signalStream(
  signals: Iterable<NodeJS.Signals>,
  cancellation?: Cancellation,
  emitter: SignalEmitter = process,
): SignalStream {
  return new SignalStream(signals, cancellation, emitter)
}
