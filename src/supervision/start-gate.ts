/** How many restarted children may be INITIALIZING at one time, unless the supervisor says otherwise. */
export const DEFAULT_CONCURRENT_STARTS = 1_024

/** Somebody who waits for a place among those that start. */
interface Starter {
  /** The place is there: it starts now. */
  admitted(): void
}

/** Bounds how many children start at one time; further ones wait, first come, first served. */
export class StartGate {
  #limit: number
  readonly #inside = new Set<Starter>()
  readonly #waiting = new Set<Starter>()

  constructor(limit: number) {
    this.#limit = limit
  }

  set limit(limit: number) {
    this.#limit = limit
    this.#admit()
  }

  /** Admits somebody as soon as there is a place: at once, or later. */
  enter(starter: Starter): void {
    this.#waiting.add(starter)
    this.#admit()
  }

  /** Gives the place back, or takes the wish for one back. Does nothing for somebody who has neither. */
  leave(starter: Starter): void {
    this.#waiting.delete(starter)
    if (this.#inside.delete(starter)) this.#admit()
  }

  #admit(): void {
    for (const starter of this.#waiting) {
      if (this.#inside.size >= this.#limit) return
      this.#waiting.delete(starter)
      this.#inside.add(starter)
      starter.admitted()
    }
  }
}
