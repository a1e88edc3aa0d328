/** Over how many of the last tokens the median is taken. */
const KEPT = 32
const MICROS_A_MILLISECOND = 1_000

/** What each stage of a chain took for its last tokens. */
export class StageTimes {
  readonly #stages: number[][] = []
  #next = 0

  /** @param micros microseconds of one token in each stage, the last stage first, as a token gathers them on its way up */
  add(micros: readonly number[]): void {
    const first = micros.length - 1
    for (let index = 0; index <= first; index += 1) {
      this.#stages[index] ??= []
      const stage = this.#stages[index] as number[]
      stage[this.#next % KEPT] = Math.max(0, micros[first - index] ?? 0)
    }
    this.#next += 1
  }

  /** Milliseconds that the stage took for a token, its queue included: the median of the last 32. Undefined before the first. */
  median(stage: number): number | undefined {
    const sorted = [...(this.#stages[stage] ?? [])].sort((a, b) => a - b)
    const middle = sorted[Math.floor(sorted.length / 2)]
    return middle === undefined ? undefined : middle / MICROS_A_MILLISECOND
  }
}
