/** The newest things of a kind: the oldest make room. Holds nothing before the first. */
export class Ring<T> {
  readonly #capacity: number
  /** Grows up to the capacity, then is written round and round. */
  readonly #items: T[] = []
  #next = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  push(item: T): void {
    this.#items[this.#next] = item
    this.#next = (this.#next + 1) % this.#capacity
  }

  /** The newest ones, at most `count`, oldest of them first. */
  last(count = this.#capacity): T[] {
    // While it grows, nothing stands behind the next place.
    const inOrder = [...this.#items.slice(this.#next), ...this.#items.slice(0, this.#next)]
    return inOrder.slice(Math.max(0, inOrder.length - count))
  }
}
