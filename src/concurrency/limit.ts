import type { Clock } from './clock.ts'
import { schedule } from './timer.ts'

interface Limit {
  readonly clock: Clock
  /** Milliseconds; infinite is allowed. */
  readonly timeout: number
  /** Makes the error for a work that took too long. */
  readonly timeoutError: () => Error
  /** Gives the work up from outside. */
  readonly signal: AbortSignal
}

/**
 * Runs `work` with a time limit and a signal. Settles at the latest when the time is over or the outer signal is
 * aborted, even if the work ignores its own signal; what it does later is ignored then.
 */
export function limited<T>(
  { clock, timeout, timeoutError, signal }: Limit,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const inner = new AbortController()
    const giveUp = (reason: unknown): void => {
      finish()
      reject(reason)
      inner.abort(reason)
    }
    const abort = (): void => giveUp(signal.reason)
    const cancelTimer = schedule(clock, timeout, () => giveUp(timeoutError()))
    const finish = (): void => {
      cancelTimer()
      signal.removeEventListener('abort', abort)
    }
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort)
    // Called inside of a promise, so that a work that throws at once rejects like any other.
    void Promise.resolve()
      .then(() => work(inner.signal))
      .finally(finish)
      .then(resolve, reject)
  })
}
