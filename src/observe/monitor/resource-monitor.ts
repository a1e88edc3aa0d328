import type { Clock } from '../../concurrency/clock.ts'
import type { Registry } from '../../resources/registry.ts'
import { pathOf, splitPath } from '../../resources/registry-path.ts'
import type { RegistrySource } from '../../resources/registry-types.ts'
import type { ResourceLog } from '../../resources/types.ts'
import type { EventStream } from '../../supervision/events/stream.ts'
import type { SupervisionEvent, SupervisorClient } from '../../supervision/types.ts'
import type { Figures, HistoryEntry } from '../history/entry.ts'
import type { History } from '../history/history.ts'
import { pathOfRecord } from '../history/record-path.ts'
import { EventCounts } from './event-counts.ts'
import { FigureReader, type Measured, type Traffic } from './figure-reader.ts'
import { findings } from './findings.ts'
import { Outages } from './outages.ts'
import { ProblemWatch } from './problem-watch.ts'
import { type Happened, Summing } from './report.ts'
import { HOUR_MS, RestartCounts } from './restart-counts.ts'
import type {
  EventQuery,
  MonitorReport,
  MonitorStats,
  Problem,
  ResourceMonitor,
  Thresholds,
} from './types.ts'

/** What a monitor is made of. */
export interface MonitorParts {
  /** The root of the tree that is watched. */
  readonly root: Pick<SupervisorClient, 'name' | 'onEvent'>
  /** That of the same tree. */
  readonly registry: Registry
  /** That of the same tree: what is kept in the history, and where problems are told of. */
  readonly events: EventStream
  readonly history: History
  readonly thresholds: Thresholds
  readonly measured: Measured
  readonly traffic: (() => Traffic) | undefined
  readonly clock: Clock
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: ResourceLog
}

/** So many resources are looked at before the event loop gets its turn. */
const LOOKED_AT_ONCE = 1_000

/** The monitor without its timer. */
export class Monitoring implements ResourceMonitor {
  readonly #parts: MonitorParts
  readonly #watch = new ProblemWatch()
  readonly #restarts = new RestartCounts()
  readonly #counts = new EventCounts()
  readonly #outages: Outages
  readonly #figures: FigureReader
  readonly #unsubscribe: readonly (() => void)[]
  #stats: MonitorStats | undefined
  #looking: Promise<MonitorStats> | undefined

  constructor(parts: MonitorParts) {
    const { root, events, now, history } = parts
    this.#parts = parts
    this.#figures = new FigureReader(parts.measured, parts.traffic, parts.clock)
    this.#outages = new Outages((path, outage) => history.add({ type: 'outage', time: now(), path, outage }))
    this.#unsubscribe = [
      // Those of each resource, one by one; and the records, in which many at once are summed up.
      root.onEvent(event => this.#heard(event)),
      events.subscribe(event =>
        history.add({ type: 'event', time: now(), path: pathOfRecord(event), event }),
      ),
    ]
  }

  latestStats(): MonitorStats | undefined {
    return this.#stats
  }

  problemResources(): readonly Problem[] {
    return this.#watch.problems
  }

  async detailedReport({ since }: { readonly since?: number } = {}): Promise<MonitorReport> {
    const { now, thresholds, history } = this.#parts
    const stats = this.#stats ?? (await this.look())
    const happened = since === undefined ? undefined : await this.#happened(since)
    return {
      time: now(),
      stats,
      thresholds,
      problems: this.problemResources(),
      ...(history.file !== undefined && { history: history.file }),
      ...(happened && { happened }),
    }
  }

  look(): Promise<MonitorStats> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  lastEvents({ limit, since, fits }: EventQuery): Promise<readonly HistoryEntry[]> {
    return this.#parts.history.lastEvents(limit, since, fits)
  }

  forget(path: string): void {
    this.#restarts.forget(path)
    this.#outages.end(path, this.#parts.now())
  }

  /** Ends the watching, and the history with it. */
  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    this.#figures.close()
    const now = this.#parts.now()
    for (const { path } of [...this.#outages.open]) this.#outages.end(path, now)
    this.#keepCounts(now)
    this.#parts.history.close()
  }

  #heard(event: SupervisionEvent): void {
    const now = this.#parts.now()
    this.#outages.event(event, now)
    const path = pathOf(event.supervisor, event.name)
    if (event.type === 'started' && event.incarnation > 1) {
      this.#restarts.add(path, now)
      this.#counts.restart(path)
    }
    this.#counts.event(path, event)
  }

  async #look(): Promise<MonitorStats> {
    const { registry, clock, now, history } = this.#parts
    this.#figures.begin()
    this.#outages.lookBegins()
    let looked = 0
    for (const source of registry.sources()) {
      this.#figures.add(source)
      this.#meet(source)
      looked += 1
      if (looked % LOOKED_AT_ONCE === 0) await new Promise<void>(resolve => clock.nextTurn(resolve))
    }
    const time = now()
    this.#outages.lookEnds(time)
    const figures = this.#figures.end()
    this.#judge(figures, time)
    let restarts = 0
    for (const [, count] of this.#restarts.all(time)) restarts += count
    const problems = this.#watch.problems.length
    this.#stats = { ...figures, time, resources: looked, restarts, problems }
    history.add({ type: 'figures', time, path: '', figures })
    this.#keepCounts(time)
    return this.#stats
  }

  /** Finds what was out before the monitor began, and what is well though nobody told it. */
  #meet(source: RegistrySource): void {
    const { state, kind } = source
    const isOut = state === 'DEGRADED' || state === 'ERROR'
    if (!isOut && this.#outages.size === 0) return
    const path = pathOf(source.parent, source.id)
    if (isOut && !this.#outages.has(path)) {
      const { clock, now } = this.#parts
      const { since, lastError } = source.entry()
      const began = now() - (clock.now() - since)
      this.#outages.begin(path, kind, state === 'DEGRADED' ? 'degraded' : 'down', began, lastError)
    }
    if (state === 'READY') this.#outages.end(path, this.#parts.now())
    else this.#outages.met(path)
  }

  #judge(figures: Figures, now: number): void {
    const { root, thresholds } = this.#parts
    const seen = {
      now,
      root: root.name,
      figures,
      outages: this.#outages.open,
      restarts: this.#restarts.all(now),
      kindOf: (path: string) => this.#kindOf(path),
    }
    const { began, over } = this.#watch.look(findings(seen, thresholds), now)
    for (const problem of began) this.#tell('problem', problem)
    for (const problem of over) this.#tell('problem_over', problem)
  }

  #tell(type: 'problem' | 'problem_over', { type: of, path, kind, message, error }: Problem): void {
    const { events, clock, now, thresholds, registry, history } = this.#parts
    const { parent: supervisor, id: name } = splitPath(path)
    const window = { used: this.#restarts.of(path, now()), limit: thresholds.restarts, within: HOUR_MS }
    history.add({ type: 'problem', time: now(), path, of, message, over: type === 'problem_over' })
    events.publish({
      type,
      at: clock.now(),
      supervisor,
      name,
      kind,
      incarnation: incarnationOf(registry, path),
      attempt: 0,
      window,
      ...(error && { error: { code: error.code, message: error.message } }),
      reason: message,
    })
  }

  #kindOf(path: string): string {
    if (path === this.#parts.root.name) return 'supervisor'
    try {
      return this.#parts.registry.get(path).kind
    } catch {
      return 'unknown'
    }
  }

  #keepCounts(time: number): void {
    for (const counted of this.#counts.take()) this.#parts.history.add({ type: 'counts', time, ...counted })
  }

  async #happened(since: number): Promise<Happened> {
    const { history, now } = this.#parts
    this.#keepCounts(now())
    const sum = new Summing(since)
    for await (const entry of history.read({ since })) sum.add(entry)
    for (const [path, outage] of this.#outages.times(now())) sum.outage(path, outage)
    return sum.result(history.oldest ?? since)
  }
}

function incarnationOf(registry: Registry, path: string): number {
  try {
    return registry.get(path).incarnation
  } catch {
    return 0
  }
}
