import type { Clock } from './clock.ts'

/** Disarms a timer; calling it again does nothing. */
export type CancelTimer = () => void

const nothing: CancelTimer = () => undefined

/** Calls `fn` once after `ms` milliseconds, unless it is cancelled first. An infinite time never comes. */
export function schedule(clock: Clock, ms: number, fn: () => void): CancelTimer {
  if (ms === Number.POSITIVE_INFINITY) return nothing
  const handle = clock.setTimeout(fn, ms)
  return () => clock.clearTimeout(handle)
}
