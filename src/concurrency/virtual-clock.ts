import { setImmediate as nextTurn } from 'node:timers/promises'
import { ExovisorError } from '../errors.ts'
import type { Clock, TimerHandle } from './clock.ts'

interface VirtualTimer {
  readonly due: number
  /** Breaks ties: of two timers due at one moment, the one that was set first fires first. */
  readonly order: number
  fn: () => void
  live: boolean
}

const nothing = (): void => undefined

const isEarlier = (a: VirtualTimer, b: VirtualTimer): boolean =>
  a.due < b.due || (a.due === b.due && a.order < b.order)

/**
 * A clock that stands still until it is told to move, for tests and simulations.
 * Timers fire in the order of their due times, each at exactly its own time (a discrete-event clock with
 * a binary heap), and after each the microtasks and immediates that it caused run before the next fires.
 */
export class VirtualClock implements Clock {
  #now: number
  #order = 0
  #heap: VirtualTimer[] = []
  #pending = 0
  #turns = 0

  /** @param start the time that `now()` begins with, in milliseconds */
  constructor(start = 0) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  /** How many timers are armed. */
  get pending(): number {
    return this.#pending
  }

  /** When the next timer is due, if there is one. */
  get nextDue(): number | undefined {
    this.#dropCleared()
    return this.#heap[0]?.due
  }

  readonly setTimeout = (fn: () => void, ms: number): TimerHandle => {
    this.#order += 1
    const timer: VirtualTimer = { due: this.#now + Math.max(0, ms), order: this.#order, fn, live: true }
    this.#pending += 1
    this.#push(timer)
    return timer
  }

  clearTimeout(handle: TimerHandle): void {
    const timer = handle as VirtualTimer | undefined
    if (!timer?.live) return
    timer.live = false
    // The timer itself stays until its time comes; what it would have done need not be held for so long.
    timer.fn = nothing
    this.#pending -= 1
  }

  nextTurn(fn: () => void): void {
    this.#turns += 1
    setImmediate(() => {
      this.#turns -= 1
      fn()
    })
  }

  /** Moves the time forward by `ms` and fires what becomes due, also what those timers arm in turn. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await this.settle()
    for (;;) {
      const due = this.nextDue
      if (due === undefined || due > end) break
      this.#now = due
      const timer = this.#pop()
      if (timer) {
        timer.live = false
        this.#pending -= 1
        timer.fn()
      }
      await this.settle()
    }
    this.#now = end
  }

  /**
   * Moves the time from timer to timer, as soon as everything waits, until some work has settled: trio's clock that jumps by itself.
   *
   * @throws EXO_DEADLINE_EXCEEDED when it has not settled and no timer is armed: then it never would
   */
  async until<T>(work: Promise<T>): Promise<T> {
    let isSettled = false
    const settled = (): void => {
      isSettled = true
    }
    work.then(settled, settled)
    for (await this.settle(); !isSettled; ) {
      const due = this.nextDue
      if (due === undefined)
        throw new ExovisorError(
          'EXO_DEADLINE_EXCEEDED',
          `the work has not settled at ${this.#now} ms, and no timer is armed that could change that`,
        )
      await this.advance(due - this.#now)
    }
    return work
  }

  /** Lets everything run that waits for no timer. The time stands still. */
  async settle(): Promise<void> {
    do await nextTurn()
    while (this.#turns > 0)
  }

  #dropCleared(): void {
    while (this.#heap[0] && !this.#heap[0].live) this.#pop()
  }

  #push(timer: VirtualTimer): void {
    const heap = this.#heap
    let index = heap.push(timer) - 1
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = heap[above]
      if (!parent || !isEarlier(timer, parent)) break
      heap[index] = parent
      index = above
    }
    heap[index] = timer
  }

  #pop(): VirtualTimer | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (!last || heap.length === 0) return first
    let index = 0
    for (;;) {
      let below = 2 * index + 1
      const left = heap[below]
      const right = heap[below + 1]
      if (left && right && isEarlier(right, left)) below += 1
      const child = heap[below]
      if (!child || !isEarlier(child, last)) break
      heap[index] = child
      index = below
    }
    heap[index] = last
    return first
  }
}
