/** The time in which restarts are counted. */
export const HOUR_MS = 3_600_000
const BUCKET_MS = 60_000

const firstMinute = (now: number): number => Math.floor((now - HOUR_MS) / BUCKET_MS) + 1

/** How often each resource was restarted within the last hour, to a minute. A resource costs at most 60 numbers, and nothing after a quiet hour. */
export class RestartCounts {
  /** By path: how many in each minute, oldest first. */
  readonly #minutes = new Map<string, Map<number, number>>()

  add(path: string, now: number): void {
    const minute = Math.floor(now / BUCKET_MS)
    const counts = this.#minutes.get(path) ?? new Map<number, number>()
    this.#minutes.set(path, counts.set(minute, (counts.get(minute) ?? 0) + 1))
  }

  forget(path: string): void {
    this.#minutes.delete(path)
  }

  /** How often one was restarted. */
  of(path: string, now: number): number {
    const first = firstMinute(now)
    let sum = 0
    for (const [minute, count] of this.#minutes.get(path) ?? []) if (minute >= first) sum += count
    return sum
  }

  /** The counts of those that were restarted at all. */
  *all(now: number): Generator<readonly [path: string, count: number]> {
    const first = firstMinute(now)
    for (const [path, counts] of this.#minutes) {
      let sum = 0
      for (const [minute, count] of counts) {
        if (minute < first) counts.delete(minute)
        else sum += count
      }
      if (counts.size === 0) this.#minutes.delete(path)
      else yield [path, sum]
    }
  }
}
