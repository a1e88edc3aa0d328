import type { Figures, HistoryEntry, Outage } from '../history/entry.ts'

/** The least, the median and the greatest of a figure. */
export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

/** What has happened in a time. Lists have the most important first, and at most a hundred entries. */
export interface Happened {
  /** Milliseconds since 1970: what was asked for, and from when on there is something to tell. */
  readonly since: number
  readonly known: number
  /** How many events of supervision there were, those in summaries included. */
  readonly events: number
  /** How often the monitor began, mostly with its node, and how often it had not ended in order before. */
  readonly starts: number
  readonly crashes: number
  /** Entries that could not be kept. */
  readonly lost: number
  readonly problems: readonly {
    readonly path: string
    readonly began: number
    /** Absent while it lasts, or where its end was not seen. */
    readonly over?: number
    readonly message: string
  }[]
  readonly restarts: readonly { readonly path: string; readonly count: number }[]
  readonly errors: readonly {
    readonly code: string
    /** That of the last one. */
    readonly message: string
    readonly count: number
    readonly resources: number
    /** Milliseconds since 1970. */
    readonly last: number
  }[]
  readonly downtime: readonly {
    readonly path: string
    readonly outages: number
    /** Milliseconds. */
    readonly down: number
    readonly degraded: number
  }[]
  /** Milliseconds, bytes, and tokens a second. Empty where none were kept. */
  readonly figures: Readonly<Record<string, Spread>>
}

const MOST_LISTED = 100

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }
type ErrorSum = Omit<Happened['errors'][number], 'resources'> & { readonly paths: Set<string> }

/** Sums up entries of a history, given in their order. */
export class Summing {
  readonly #since: number
  #events = 0
  #starts = 0
  /** The first start begins what is told of: what was before it is not known. */
  #isRunning = false
  #crashes = 0
  #lost = 0
  readonly #problems: Writable<Happened['problems'][number]>[] = []
  readonly #open = new Map<string, Writable<Happened['problems'][number]>>()
  readonly #restarts = new Map<string, number>()
  readonly #errors = new Map<string, Writable<ErrorSum>>()
  readonly #downtime = new Map<string, Writable<Happened['downtime'][number]>>()
  readonly #figures = new Map<string, number[]>()

  constructor(since: number) {
    this.#since = since
  }

  add(entry: HistoryEntry): void {
    switch (entry.type) {
      case 'event':
        this.#events += entry.event.type === 'summary' ? entry.event.count : 1
        break
      case 'problem':
        this.#problem(entry)
        break
      case 'figures':
        this.#figure(entry.figures)
        break
      case 'counts':
        this.#counts(entry)
        break
      case 'outage':
        this.outage(entry.path, entry.outage)
        break
      case 'start':
        if (this.#isRunning) this.#crashes += 1
        this.#isRunning = true
        this.#starts += 1
        break
      case 'stop':
        this.#isRunning = false
        break
      case 'lost':
        this.#lost += entry.count
        break
    }
  }

  /** An outage, also one that lasts. What of it was before the time that is told of is left out as far as it can be known. */
  outage(path: string, { began, down, degraded }: Outage): void {
    const before = Math.max(0, this.#since - began)
    const sum = this.#downtime.get(path) ?? { path, outages: 0, down: 0, degraded: 0 }
    this.#downtime.set(path, sum)
    sum.outages += 1
    const inDegraded = Math.max(0, degraded - before)
    sum.degraded += inDegraded
    sum.down += Math.max(0, down - Math.max(0, before - degraded))
  }

  result(known: number): Happened {
    const top = <T>(items: Iterable<T>, weight: (item: T) => number): readonly T[] =>
      [...items].sort((a, b) => weight(b) - weight(a)).slice(0, MOST_LISTED)
    const restarts = [...this.#restarts].map(([path, count]) => ({ path, count }))
    const errors = [...this.#errors.values()].map(({ paths, ...error }) => ({
      ...error,
      resources: paths.size,
    }))
    return {
      since: this.#since,
      known: Math.max(known, this.#since),
      events: this.#events,
      starts: this.#starts,
      crashes: this.#crashes,
      lost: this.#lost,
      problems: this.#problems.slice(-MOST_LISTED),
      restarts: top(restarts, ({ count }) => count),
      errors: top(errors, ({ count }) => count),
      downtime: top(this.#downtime.values(), ({ down, degraded }) => down + degraded),
      figures: Object.fromEntries([...this.#figures].map(([name, values]) => [name, spread(values)])),
    }
  }

  #problem({ time, path, of, message, over }: HistoryEntry & { readonly type: 'problem' }): void {
    const key = `${of} ${path}`
    const open = this.#open.get(key)
    if (over && open) {
      open.over = time
      this.#open.delete(key)
    } else if (!over) {
      const problem = { path, began: time, message }
      this.#open.set(key, problem)
      this.#problems.push(problem)
    }
  }

  #counts({ time, path, restarts, errors }: HistoryEntry & { readonly type: 'counts' }): void {
    if (restarts > 0) this.#restarts.set(path, (this.#restarts.get(path) ?? 0) + restarts)
    for (const { code, message, count } of errors) {
      const sum = this.#errors.get(code) ?? { code, message, count: 0, last: time, paths: new Set<string>() }
      this.#errors.set(code, sum)
      sum.count += count
      sum.message = message
      sum.last = time
      sum.paths.add(path)
    }
  }

  #figure({ delay, memory, processes, tokensPerSecond, running, waiting }: Figures): void {
    this.#note('delay', delay.p99)
    this.#note('memory', memory)
    for (const [path, bytes] of Object.entries(processes)) this.#note(`memory of ${path}`, bytes)
    this.#note('tokensPerSecond', tokensPerSecond)
    this.#note('running', running)
    this.#note('waiting', waiting)
  }

  #note(name: string, value: number | undefined): void {
    if (value === undefined) return
    const values = this.#figures.get(name)
    if (values) values.push(value)
    else this.#figures.set(name, [value])
  }
}

function spread(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? 0
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
  return { min: sorted[0] ?? 0, median, max: sorted.at(-1) ?? 0 }
}
