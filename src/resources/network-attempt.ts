import type { Clock } from '../concurrency/clock.ts'
import { LazyAbort } from '../concurrency/lazy-abort.ts'
import { type CancelTimer, schedule } from '../concurrency/timer.ts'
import type { Line } from './network-lines.ts'
import type { OperationContext } from './network-types.ts'

/** What ends an attempt early. */
interface AttemptLimits {
  readonly clock: Clock
  /** Milliseconds. */
  readonly timeout: number
  readonly timeoutError: () => Error
  readonly signal: AbortSignal | undefined
}

/**
 * One attempt of an operation: settles when its work does, or as soon as it is given up. Signals and their listeners would cost more
 * than all the rest of an operation, so that it has none until somebody looks: whoever ends a connection tells it.
 */
export class Attempt<Connection> implements OperationContext {
  readonly attempt: number
  readonly #abort = new LazyAbort()
  #reject: ((reason: unknown) => void) | undefined
  #givenUp: { readonly reason: unknown } | undefined
  #line: Line<Connection> | undefined
  #stopWatching: CancelTimer | undefined

  constructor(attempt: number) {
    this.attempt = attempt
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** The connection that it was run with. */
  get line(): Line<Connection> | undefined {
    return this.#line
  }

  /** From now on it is given up when its time is over or nobody wants it any more. */
  watch({ clock, timeout, timeoutError, signal }: AttemptLimits): void {
    const cancelTimer = schedule(clock, timeout, () => this.giveUp(timeoutError()))
    const abort = (): void => this.giveUp(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    this.#stopWatching = () => {
      cancelTimer()
      signal?.removeEventListener('abort', abort)
    }
  }

  /**
   * Its connection, from now on until it is over, gives it up when it ends.
   * @throws the reason, when it was given up already
   */
  take(line: Line<Connection>): void {
    if (line.end.signal.aborted) this.giveUp(line.end.signal.reason)
    this.#line = line
    if (this.#givenUp) throw this.#givenUp.reason
    line.attempts.add(this)
  }

  /** What a work that was given up does later is ignored. */
  settled<Result>(work: Result | Promise<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#reject = reject
      if (this.#givenUp) reject(this.#givenUp.reason)
      Promise.resolve(work).then(resolve, reject)
    })
  }

  /** Ends it early. To be called only while it is under way. */
  giveUp(reason: unknown): void {
    if (this.#givenUp) return
    this.#givenUp = { reason }
    this.#reject?.(reason)
    this.#abort.abort(() => reason)
  }

  /** Nothing is watched any more. */
  over(): void {
    this.#stopWatching?.()
    this.#line?.attempts.delete(this)
  }
}
