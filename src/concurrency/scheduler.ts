import type { Clock } from './clock.ts'
import type { Random } from './random.ts'

/** Runs pieces of work one after the other, each in a stack of its own. One for each runtime. */
export interface Scheduler {
  /** Runs a task soon, never within this call. What a task throws is a fault of the kernel and ends the process. */
  post(task: () => void): void
  /** Says of the task that runs that it has done so many pieces of work beside its first one: they count as tasks of this turn. */
  charge?(pieces: number): void
}

/** How much work is done before the event loop gets its turn. */
export interface TurnBudget {
  /** Tasks in a row. Default: 1024. */
  readonly tasks?: number
  /** Milliseconds in a row, looked at after every 16th task. Default: 5. */
  readonly ms?: number
}

/** Reading the clock costs more than a small task does. */
const TASKS_BETWEEN_LOOKS = 16

/**
 * Runs tasks in the order of their posting, from a microtask, and lets the event loop have its turn whenever the budget of a turn
 * is spent: sockets and timers are served also while ten thousand actors restart. Pekko's dispatcher throughput, with a limit in time beside it.
 */
export class TurnScheduler implements Scheduler {
  readonly #clock: Clock
  readonly #tasks: number
  readonly #ms: number
  #queue: ((() => void) | undefined)[] = []
  #next = 0
  /**
   * Work since the event loop had its turn because of this scheduler. An empty queue does not reset it: actors that wait for promises
   * empty it all the time, and go on from microtasks, before the event loop has had any turn.
   */
  #done = 0
  #nextLook = TASKS_BETWEEN_LOOKS
  #since: number
  #isAwake = false
  readonly #run = (): void => this.#turn()
  readonly #runAnew = (): void => {
    this.#done = 0
    this.#nextLook = TASKS_BETWEEN_LOOKS
    this.#since = this.#clock.now()
    this.#turn()
  }

  constructor(clock: Clock, { tasks = 1024, ms = 5 }: TurnBudget = {}) {
    this.#clock = clock
    this.#tasks = tasks
    this.#ms = ms
    this.#since = clock.now()
  }

  post(task: () => void): void {
    this.#queue.push(task)
    if (this.#isAwake) return
    this.#isAwake = true
    queueMicrotask(this.#run)
  }

  charge(pieces: number): void {
    this.#done += pieces
  }

  #turn(): void {
    const queue = this.#queue
    try {
      while (this.#next < queue.length && !this.#isSpent()) {
        const task = queue[this.#next]
        queue[this.#next] = undefined
        this.#next += 1
        this.#done += 1
        task?.()
      }
    } finally {
      this.#rest()
    }
  }

  #isSpent(): boolean {
    if (this.#done >= this.#tasks) return true
    if (this.#done < this.#nextLook) return false
    this.#nextLook = this.#done + TASKS_BETWEEN_LOOKS
    return this.#clock.now() - this.#since >= this.#ms
  }

  #rest(): void {
    if (this.#next < this.#queue.length) {
      // Moving what is left down pays only once it is the smaller part.
      if (this.#next > this.#queue.length / 2) {
        this.#queue = this.#queue.slice(this.#next)
        this.#next = 0
      }
      this.#clock.nextTurn(this.#runAnew)
      return
    }
    this.#queue.length = 0
    this.#next = 0
    this.#isAwake = false
  }
}

/**
 * Runs posted tasks in an order that a seeded generator picks, each in a turn of its own: for simulations, in which every order that
 * could happen must be tried and a seed must give the same order again.
 */
export class SeededScheduler implements Scheduler {
  readonly #clock: Clock
  readonly #random: Random
  readonly #waiting: (() => void)[] = []

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  post(task: () => void): void {
    this.#waiting.push(task)
    this.#clock.nextTurn(() => this.#runOne())
  }

  #runOne(): void {
    const index = Math.floor(this.#random() * this.#waiting.length)
    const [task] = this.#waiting.splice(index, 1)
    task?.()
  }
}
