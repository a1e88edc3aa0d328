/** One place in a {@link Fifo}. Opaque: good for {@link Fifo.remove} only. */
export interface FifoEntry<T> {
  readonly value: T
}

class Entry<T> implements FifoEntry<T> {
  readonly value: T
  before: Entry<T> | undefined
  after: Entry<T> | undefined
  isIn = true

  constructor(value: T, before: Entry<T> | undefined) {
    this.value = value
    this.before = before
  }
}

/** First in, first out; and whoever is in it can leave it at once, from anywhere: a doubly linked list. Each step takes constant time. */
export class Fifo<T> {
  #first: Entry<T> | undefined
  #last: Entry<T> | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  push(value: T): FifoEntry<T> {
    const entry = new Entry(value, this.#last)
    if (this.#last) this.#last.after = entry
    else this.#first = entry
    this.#last = entry
    this.#size += 1
    return entry
  }

  /** Takes the oldest one out; undefined when there is none. */
  shift(): FifoEntry<T> | undefined {
    const first = this.#first
    if (first) this.remove(first)
    return first
  }

  /** Takes one out from wherever it is. False: it was out already. */
  remove(entry: FifoEntry<T>): boolean {
    const leaving = entry as Entry<T>
    if (!leaving.isIn) return false
    const { before, after } = leaving
    if (before) before.after = after
    else this.#first = after
    if (after) after.before = before
    else this.#last = before
    leaving.isIn = false
    this.#size -= 1
    return true
  }

  /** All, oldest first. Whoever is at hand may be taken out meanwhile. */
  *[Symbol.iterator](): Generator<FifoEntry<T>> {
    let entry = this.#first
    while (entry) {
      const { after } = entry
      yield entry
      entry = after
    }
  }
}
