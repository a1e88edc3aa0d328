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
    const items = this.#items
    const first = items.length < this.#capacity ? 0 : this.#next
    const inOrder = [...items.slice(first), ...items.slice(0, first)]
    return inOrder.slice(Math.max(0, inOrder.length - count))
  }
}
