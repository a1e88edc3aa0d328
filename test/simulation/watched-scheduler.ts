import type { Clock } from '../../src/concurrency/clock.ts'
import type { Random } from '../../src/concurrency/random.ts'
import { type Scheduler, SeededScheduler } from '../../src/concurrency/scheduler.ts'

/** A seeded scheduler that knows how much it still has to do. */
export class WatchedScheduler implements Scheduler {
  readonly #inner: SeededScheduler
  #waiting = 0

  constructor(clock: Clock, random: Random) {
    this.#inner = new SeededScheduler(clock, random)
  }

  get waiting(): number {
    return this.#waiting
  }

  post(task: () => void): void {
    this.#waiting += 1
    this.#inner.post(() => {
      this.#waiting -= 1
      task()
    })
  }
}
