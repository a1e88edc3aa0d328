/** The median of what was noted within the last `within` milliseconds; at most `most` values are kept, the newest. */
export class RecentMedian {
  readonly #within: number
  readonly #most: number
  readonly #now: () => number
  #noted: { readonly at: number; readonly value: number }[] = []

  constructor({
    within,
    most,
    now,
  }: { readonly within: number; readonly most: number; readonly now: () => number }) {
    this.#within = within
    this.#most = most
    this.#now = now
  }

  note(value: number): void {
    this.#noted.push({ at: this.#now(), value })
    if (this.#noted.length > this.#most) this.#noted.shift()
  }

  /** Undefined when there is none. Of two in the middle the smaller. */
  get value(): number | undefined {
    const since = this.#now() - this.#within
    this.#noted = this.#noted.filter(({ at }) => at >= since)
    const sorted = this.#noted.map(({ value }) => value).sort((a, b) => a - b)
    return sorted[Math.floor((sorted.length - 1) / 2)]
  }
}
