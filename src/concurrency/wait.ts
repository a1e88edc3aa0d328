import type { Clock } from './clock.ts'
import { type CancelTimer, schedule } from './timer.ts'

/** How long a caller is willing to wait. */
export interface WaitOptions {
  /** Milliseconds. Default: no limit. */
  readonly timeout?: number
  /** Gives the waiting up. */
  readonly signal?: AbortSignal
}

/**
 * Watches a caller's limits: calls `onTimeout` or `onAbort` at most once, and neither after the returned
 * function has been called. A signal that is aborted already calls `onAbort` at once.
 */
export function watchLimits(
  clock: Clock,
  { timeout, signal }: WaitOptions,
  on: { readonly timeout: () => void; readonly abort: (reason: unknown) => void },
): CancelTimer {
  if (signal?.aborted) {
    on.abort(signal.reason)
    return () => undefined
  }
  const stop = (): void => {
    cancelTimer()
    signal?.removeEventListener('abort', abort)
  }
  const abort = (): void => {
    stop()
    on.abort(signal?.reason)
  }
  const cancelTimer = schedule(clock, timeout ?? Number.POSITIVE_INFINITY, () => {
    stop()
    on.timeout()
  })
  signal?.addEventListener('abort', abort)
  return stop
}
