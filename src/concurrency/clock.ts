// Imported, since the global one is behind a getter, which each look at the clock would call.
import { performance } from 'node:perf_hooks'

/** What {@link Clock.setTimeout} returns: opaque, good for {@link Clock.clearTimeout} only. */
export type TimerHandle = unknown

/** The source of time. Everything in the kernel takes its time from one of these. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number
  /** Calls `fn` once, `ms` milliseconds from now. Times longer than 24 days are allowed. */
  setTimeout(fn: () => void, ms: number): TimerHandle
  /** Forgets a timer. One that has fired, or was cleared before, is ignored. */
  clearTimeout(handle: TimerHandle): void
  /** Calls `fn` once, after the event loop had its turn: sockets and timers are served before. */
  nextTurn(fn: () => void): void
}

/** The longest delay that a timer of Node can hold; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

class RealTimer {
  #timer: ReturnType<typeof setTimeout>

  constructor(fn: () => void, ms: number) {
    this.#timer = this.#arm(fn, ms)
  }

  #arm(fn: () => void, ms: number): ReturnType<typeof setTimeout> {
    if (ms <= LONGEST_TIMER_MS) return setTimeout(fn, ms)
    return setTimeout(() => {
      this.#timer = this.#arm(fn, ms - LONGEST_TIMER_MS)
    }, LONGEST_TIMER_MS)
  }

  clear(): void {
    clearTimeout(this.#timer)
  }
}

/** The clock of the machine. Its timers keep the process alive like plain ones. */
export const realClock: Clock = {
  now: () => performance.now(),
  setTimeout: (fn, ms) => new RealTimer(fn, ms),
  clearTimeout: handle => {
    if (handle instanceof RealTimer) handle.clear()
  },
  nextTurn: fn => void setImmediate(fn),
}

/**
 * Calls `fire` again and again, each so many milliseconds after the time before, as timers of the machine do. For measuring the event loop
 * itself: it keeps no process alive, and no other clock can stand in for it. All else sleeps in a scope.
 */
export function every(milliseconds: number, fire: () => void): () => void {
  const timer = setInterval(fire, milliseconds).unref()
  return () => clearInterval(timer)
}
