/** Longer than this does not fit into a token frame: 35 minutes. */
const LONGEST_MICROS = 0x7fffffff

/**
 * How long an engine was busy with one request since it was asked last, as its stage sees it: computing, and waiting for its turn in the
 * batch. Forwards that wait for each other are counted once.
 */
export class BusyTime {
  /** Milliseconds, monotonic. */
  readonly #now: () => number
  /** When the forwards began that are not done, oldest first. */
  readonly #begun: number[] = []
  #doneAt: number
  #spentMs = 0

  constructor(now: () => number) {
    this.#now = now
    this.#doneAt = now()
  }

  /** The worker got a forward. */
  began(): void {
    this.#begun.push(this.#now())
  }

  /** The worker is done with one; with one that it began by itself when it was done before. */
  done(): void {
    const now = this.#now()
    this.#spentMs += now - Math.max(this.#begun.shift() ?? 0, this.#doneAt)
    this.#doneAt = now
  }

  /** The worker had to wait for others: that is not its time. */
  skip(): void {
    this.#doneAt = this.#now()
  }

  /** Microseconds since the last call. */
  take(): number {
    const micros = Math.round(this.#spentMs * 1_000)
    this.#spentMs = 0
    return Math.max(0, Math.min(LONGEST_MICROS, micros))
  }
}
