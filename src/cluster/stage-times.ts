/** Over how many of the last tokens the median is taken. */
const KEPT = 32

/** What each stage of a chain took for its last tokens. */
export class StageTimes {
  readonly #stages: number[][] = []
  #next = 0

  /** @param stageMs milliseconds of one token in each stage, first stage first */
  add(stageMs: readonly number[]): void {
    for (const [index, ms] of stageMs.entries()) {
      this.#stages[index] ??= []
      const stage = this.#stages[index] as number[]
      stage[this.#next % KEPT] = Math.max(0, ms)
    }
    this.#next += 1
  }

  /** Milliseconds that the stage took for a token, its queue included: the median of the last 32. Undefined before the first. */
  median(stage: number): number | undefined {
    const sorted = [...(this.#stages[stage] ?? [])].sort((a, b) => a - b)
    return sorted[Math.floor(sorted.length / 2)]
  }
}
