/** How many restarted children may be INITIALIZING at one time, unless the supervisor says otherwise. */
export const DEFAULT_CONCURRENT_STARTS = 1_024

/** Somebody who needs a place among those that start. */
interface Starter {
  /** Kept by the gate: a mark on each starter is cheaper than a list of them. */
  hasPlace: boolean
  /** The place is there: it starts now. False when it may not start any more, and so gives the place back. */
  admitted(): boolean
}

/** Bounds how many children start at one time; further ones wait, first come, first served. */
export class StartGate {
  #limit: number
  #taken = 0
  #shut = 0
  readonly #waiting = new Set<Starter>()

  constructor(limit: number) {
    this.#limit = limit
  }

  set limit(limit: number) {
    this.#limit = limit
    this.#admitWaiting()
  }

  /** Admits somebody as soon as there is a place: at once, or later. Gives the number of those who wait, himself included: 0 at once. */
  enter(starter: Starter): number {
    if (this.#waiting.size === 0 && this.#isOpen) {
      this.#admit(starter)
      return 0
    }
    return this.#waiting.add(starter).size
  }

  /** Gives the place back, or takes the wish for one back. Does nothing for somebody who has neither. */
  leave(starter: Starter): void {
    if (this.#waiting.size > 0) this.#waiting.delete(starter)
    if (!starter.hasPlace) return
    this.#takeBack(starter)
    this.#admitWaiting()
  }

  /** Admits nobody while this runs: it may tell some of those who wait that they are not to start any more. */
  whileShut<T>(work: () => T): T {
    this.#shut += 1
    try {
      return work()
    } finally {
      this.#shut -= 1
      this.#admitWaiting()
    }
  }

  get #isOpen(): boolean {
    return this.#shut === 0 && this.#taken < this.#limit
  }

  #admit(starter: Starter): void {
    starter.hasPlace = true
    this.#taken += 1
    if (!starter.admitted()) this.#takeBack(starter)
  }

  #takeBack(starter: Starter): void {
    if (!starter.hasPlace) return
    starter.hasPlace = false
    this.#taken -= 1
  }

  #admitWaiting(): void {
    if (this.#waiting.size === 0) return
    for (const starter of this.#waiting) {
      if (!this.#isOpen) return
      this.#waiting.delete(starter)
      this.#admit(starter)
    }
  }
}
