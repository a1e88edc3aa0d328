import type { HistoryEntry, HistoryQuery } from './entry.ts'

const CAPACITY = 20_000

/** The newest entries, in memory: what can be told where no file is kept. The oldest make room. */
export class HistoryMemory {
  readonly #capacity: number
  /** A ring: once it is full, the next entry overwrites the oldest. */
  readonly #entries: HistoryEntry[] = []
  #next = 0

  constructor(capacity = CAPACITY) {
    this.#capacity = capacity
  }

  add(entry: HistoryEntry): void {
    this.#entries[this.#next] = entry
    this.#next = (this.#next + 1) % this.#capacity
  }

  /** The time of the oldest entry. */
  get oldest(): number | undefined {
    return this.#inOrder().next().value?.time
  }

  /** Oldest first. */
  read({ since = 0, types }: HistoryQuery = {}): readonly HistoryEntry[] {
    return [...this.#inOrder()].filter(
      ({ time, type }) => time >= since && (types === undefined || types.includes(type)),
    )
  }

  /** The newest entries of supervision that fit, at most `limit`, oldest of them first. */
  lastEvents(limit: number, since: number, fits: (path: string) => boolean): readonly HistoryEntry[] {
    return this.read({ since, types: ['event'] })
      .filter(({ path }) => fits(path))
      .slice(-limit)
  }

  *#inOrder(): Generator<HistoryEntry, undefined> {
    const { length } = this.#entries
    const first = length < this.#capacity ? 0 : this.#next
    for (let index = 0; index < length; index += 1) {
      const entry = this.#entries[(first + index) % length]
      if (entry) yield entry
    }
    return undefined
  }
}
