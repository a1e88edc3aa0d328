/** How many restarted children may be INITIALIZING at one time, unless the supervisor says otherwise. */
export const DEFAULT_CONCURRENT_STARTS = 1_024

/** Bounds how many children start at one time; further ones wait, first come, first served. */
export class StartGate {
  #limit: number
  #active = 0
  readonly #waiting = new Set<() => void>()

  constructor(limit: number) {
    this.#limit = limit
  }

  set limit(limit: number) {
    this.#limit = limit
    this.#admit()
  }

  /** Runs `start` when there is a place for it: at once, or later. `leave`, also the result, gives the place back, or takes the start back. */
  enter(start: (leave: () => void) => void): () => void {
    let holdsPlace = false
    const begin = (): void => {
      holdsPlace = true
      start(leave)
    }
    const leave = (): void => {
      this.#waiting.delete(begin)
      if (!holdsPlace) return
      holdsPlace = false
      this.#active -= 1
      this.#admit()
    }
    this.#waiting.add(begin)
    this.#admit()
    return leave
  }

  #admit(): void {
    for (const begin of this.#waiting) {
      if (this.#active >= this.#limit) return
      this.#waiting.delete(begin)
      this.#active += 1
      begin()
    }
  }
}
