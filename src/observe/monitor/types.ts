import type { ErrorRecord } from '../../errors.ts'
import type { Figures, HistoryEntry } from '../history/entry.ts'
import type { Happened } from './report.ts'

/** What is a problem. */
export interface Thresholds {
  /** Milliseconds that a resource may be DEGRADED, or not work after a failure. Default: 1 min. */
  readonly degraded: number
  /** How many restarts within an hour are too many. Default: 10. */
  readonly restarts: number
  /** Resident bytes from which a process is too large. Default: no limit. */
  readonly memory?: number | undefined
  /** Milliseconds from which the event loop delay, at its 99th percentile, is too long. Default: 200. */
  readonly delay: number
}

/** What is wrong: it does not work or only badly, it restarts too often, its process is too large, or the event loop is late. */
export type ProblemType = 'state' | 'restarts' | 'memory' | 'delay'

/** One problem that there is now. */
export interface Problem {
  readonly type: ProblemType
  /** The resource; the root for what is wrong with the whole node. */
  readonly path: string
  readonly kind: string
  /** Since when it is a problem, in milliseconds since 1970. */
  readonly since: number
  /** In words, with the figure and its threshold. */
  readonly message: string
  readonly error?: ErrorRecord
  /** True when the last look found it well: after three such looks it is over. */
  readonly recovering: boolean
}

/** How everything was at the last look. */
export interface MonitorStats extends Figures {
  /** Milliseconds since 1970. */
  readonly time: number
  readonly resources: number
  /** Restarts within the last hour. */
  readonly restarts: number
  readonly problems: number
}

/** Everything that can be told of the resources. */
export interface MonitorReport {
  /** Milliseconds since 1970. */
  readonly time: number
  readonly stats: MonitorStats
  readonly thresholds: Thresholds
  readonly problems: readonly Problem[]
  /** The file of the history; absent where what is told of the past comes from memory. */
  readonly history?: string
  readonly happened?: Happened
}

/** Which events of supervision are meant. */
export interface EventQuery {
  readonly limit: number
  /** Milliseconds since 1970: those from then on. Default: all. */
  readonly since?: number | undefined
  /** Says by the path of a resource whether its events are meant. Default: all. */
  readonly fits?: ((path: string) => boolean) | undefined
}

/** Watches all resources of a tree. */
export interface ResourceMonitor {
  /** How everything was at the last look; undefined before the first. */
  latestStats(): MonitorStats | undefined
  /** What is a problem now, oldest first. */
  problemResources(): readonly Problem[]
  /** Everything that is a problem and why; with `since`, in milliseconds since 1970, also what has happened from then on. */
  detailedReport(options?: { readonly since?: number }): Promise<MonitorReport>
  /** Looks at once, without waiting for the next look. */
  look(): Promise<MonitorStats>
  /** The last events of supervision that fit, oldest first. */
  lastEvents(query: EventQuery): Promise<readonly HistoryEntry[]>
  /** Forgets the earlier restarts of a resource, and what was wrong with it. */
  forget(path: string): void
}
