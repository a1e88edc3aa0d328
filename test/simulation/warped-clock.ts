import type { Clock, TimerHandle } from '../../src/concurrency/clock.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'

interface WarpedTimer {
  readonly fn: () => void
  handle: TimerHandle
  live: boolean
}

/**
 * A virtual clock that can also do what clocks must not: its reading jumps, also back, and the whole process hangs for a while,
 * after which everything that was due meanwhile fires late. What a timer or a turn throws is handed to `onFault`.
 */
export class WarpedClock implements Clock {
  readonly #inner = new VirtualClock()
  readonly #onFault: (error: unknown) => void
  #skew = 0
  #late: WarpedTimer[] | undefined
  #armed = 0

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault
  }

  /** What the kernel reads. */
  now(): number {
    return this.#inner.now() + this.#skew
  }

  /** The true time, by which timers fire. */
  get time(): number {
    return this.#inner.now()
  }

  /** Timers that are armed. */
  get pending(): number {
    return this.#armed
  }

  get nextDue(): number | undefined {
    return this.#inner.nextDue
  }

  setTimeout(fn: () => void, ms: number): TimerHandle {
    const timer: WarpedTimer = { fn, handle: undefined, live: true }
    this.#armed += 1
    timer.handle = this.#inner.setTimeout(
      () => (this.#late ? void this.#late.push(timer) : this.#fire(timer)),
      ms,
    )
    return timer
  }

  clearTimeout(handle: TimerHandle): void {
    const timer = handle as WarpedTimer | undefined
    if (!timer?.live) return
    timer.live = false
    this.#armed -= 1
    this.#inner.clearTimeout(timer.handle)
  }

  nextTurn(fn: () => void): void {
    this.#inner.nextTurn(() => this.#guard(fn))
  }

  /** Lets everything run that waits for no timer. */
  settle(): Promise<void> {
    return this.#inner.settle()
  }

  /** Moves to the next timer within `until` and fires all that are due then. False when there is none: then the time is `until`. */
  async stepUntil(until: number): Promise<boolean> {
    const due = this.#inner.nextDue
    if (due === undefined || due > until) {
      await this.#inner.advance(until - this.#inner.now())
      return false
    }
    await this.#inner.advance(due - this.#inner.now())
    return true
  }

  /** The reading jumps by `ms`; no timer hears of it. */
  skew(ms: number): void {
    this.#skew += ms
  }

  /** The process hangs for `ms` milliseconds. */
  async leap(ms: number): Promise<void> {
    const late: WarpedTimer[] = []
    this.#late = late
    await this.#inner.advance(ms)
    this.#late = undefined
    for (const timer of late) {
      this.#fire(timer)
      await this.settle()
    }
  }

  #fire(timer: WarpedTimer): void {
    if (!timer.live) return
    timer.live = false
    this.#armed -= 1
    this.#guard(timer.fn)
  }

  #guard(fn: () => void): void {
    try {
      fn()
    } catch (error) {
      this.#onFault(error)
    }
  }
}
