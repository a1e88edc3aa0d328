import { createHistogram } from 'node:perf_hooks'
import { every } from '../concurrency/clock.ts'

/** How late timers fired, in seconds. */
interface EventLoopDelay {
  readonly median: number
  readonly p99: number
  readonly longest: number
}

/** Watches how late the timers of this thread fire. */
export interface EventLoopWatch {
  /** The delays since the last call, or since the start. */
  take(): EventLoopDelay
  stop(): void
}

/** The time that is watched; a test gives its own. */
export interface WatchedTime {
  /** Milliseconds. */
  now(): number
  /** Calls again and again; the result ends it. */
  every(milliseconds: number, fire: () => void): () => void
}

const realTime: WatchedTime = {
  now: () => performance.now(),
  every,
}

const intervalMs = 20

/**
 * Starts to watch the event loop. It costs a timer each 20 ms, which does not keep the process alive.
 * The ready-made histogram of Node.js is not used: emptying it loses the delay that is under way at that moment.
 */
export function watchEventLoop(time: WatchedTime = realTime): EventLoopWatch {
  const lateNanoseconds = createHistogram()
  let previous = time.now()
  const stop = time.every(intervalMs, () => {
    const now = time.now()
    // A histogram holds nothing below 1.
    lateNanoseconds.record(Math.max(1, Math.round((now - previous - intervalMs) * 1e6)))
    previous = now
  })
  return {
    take() {
      const empty = lateNanoseconds.count === 0
      const delay = {
        median: empty ? 0 : lateNanoseconds.percentile(50) / 1e9,
        p99: empty ? 0 : lateNanoseconds.percentile(99) / 1e9,
        longest: empty ? 0 : lateNanoseconds.max / 1e9,
      }
      lateNanoseconds.reset()
      return delay
    },
    stop,
  }
}
