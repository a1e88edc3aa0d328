import type { Clock, TimerHandle } from '../../src/concurrency/clock.ts'
import type { Random } from '../../src/concurrency/random.ts'

interface Waiting {
  readonly label: string
  readonly due: number
  readonly go: () => void
}

/** What is to happen next, and out of what it was picked. */
export interface Pick {
  readonly label: string
  readonly among: readonly string[]
  readonly go: () => void
}

/** How often time goes on although somebody could still act at this moment: then timers fire late, and deadlines pass unseen. */
const HASTE = 1 / 10

/**
 * A clock and scheduler in one: whoever waits at a gate, and each timer that is due, waits until chance picks it, and exactly one goes on at
 * a time. Time moves when nobody is left, or now and then before.
 */
export class PickingClock implements Clock {
  readonly #random: Random
  readonly #waiting = new Set<Waiting>()
  #now = 0
  #label = 'a timer without a name'
  #gates = 0
  #clearedInVain = 0

  constructor(random: Random) {
    this.#random = random
  }

  now(): number {
    return this.#now
  }

  /** How many timers are armed. */
  get timers(): number {
    return this.#waiting.size - this.#gates
  }

  /** How many timers were cleared that were armed no more: somebody has heard of an end who was to be forgotten. */
  get clearedInVain(): number {
    return this.#clearedInVain
  }

  /** Settles when it is picked. */
  gate(label: string): Promise<void> {
    this.#gates += 1
    return new Promise(resolve => {
      const go = (): void => {
        this.#gates -= 1
        resolve()
      }
      this.#waiting.add({ label, due: this.#now, go })
    })
  }

  /** Gives its name to the timers that are set meanwhile, so that a model can tell which one was picked. */
  naming<T>(label: string, sets: () => T): T {
    const before = this.#label
    this.#label = label
    try {
      return sets()
    } finally {
      this.#label = before
    }
  }

  setTimeout(fn: () => void, ms: number): TimerHandle {
    const timer: Waiting = { label: this.#label, due: this.#now + Math.max(0, ms), go: fn }
    this.#waiting.add(timer)
    return timer
  }

  clearTimeout(handle: TimerHandle): void {
    if (handle !== undefined && !this.#waiting.delete(handle as Waiting)) this.#clearedInVain += 1
  }

  nextTurn(fn: () => void): void {
    void this.gate('a turn').then(fn)
  }

  /** Picks what goes on; undefined if nothing ever will. */
  pick(): Pick | undefined {
    const ready = [...this.#waiting].filter(({ due }) => due <= this.#now)
    const later = this.#nextMoment()
    const among = ready.map(({ label }) => label)
    if (later < Infinity && (ready.length === 0 || this.#random() < HASTE))
      return { label: 'time', among, go: () => this.#move(later) }
    const picked = ready[Math.floor(this.#random() * ready.length)]
    if (!picked) return undefined
    const go = (): void => {
      this.#waiting.delete(picked)
      picked.go()
    }
    return { label: picked.label, among, go }
  }

  #move(now: number): void {
    this.#now = now
  }

  #nextMoment(): number {
    let next = Infinity
    for (const { due } of this.#waiting) if (due > this.#now) next = Math.min(next, due)
    return next
  }
}
