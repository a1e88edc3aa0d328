import type { SupervisionRecord } from '../../supervision/types.ts'

/** Figures of one moment. */
export interface Figures {
  /** How many resources there are, by state. */
  readonly states: Readonly<Record<string, number>>
  /** Milliseconds that timers fired late since the figures before: the median, the 99th percentile, the longest. */
  readonly delay: { readonly median: number; readonly p99: number; readonly longest: number }
  /** Resident bytes of this process. */
  readonly memory: number
  /** Resident bytes of the processes of resources, by path. */
  readonly processes: Readonly<Record<string, number>>
  /** Tokens a second since the figures before. Absent where nobody counts tokens. */
  readonly tokensPerSecond?: number
  /** Generations that run, and those that wait. Absent where nobody counts them. */
  readonly running?: number
  readonly waiting?: number
}

/** A time in which a resource did not work as it should. */
export interface Outage {
  /** When it began, in milliseconds since 1970. */
  readonly began: number
  /** Milliseconds in which it did not work at all. */
  readonly down: number
  /** Milliseconds in which it was DEGRADED. */
  readonly degraded: number
}

/** What stands in a history, beside its time and its path. */
type EntryFacts =
  | { readonly type: 'event'; readonly event: SupervisionRecord }
  | { readonly type: 'figures'; readonly figures: Figures }
  /** Restarts and errors of one resource since the entry of this type before. */
  | {
      readonly type: 'counts'
      readonly restarts: number
      readonly errors: readonly { readonly code: string; readonly message: string; readonly count: number }[]
    }
  /** An outage that is over. */
  | { readonly type: 'outage'; readonly outage: Outage }
  /** A problem of the resource begins, or is over. `of` tells problems of one resource apart. */
  | { readonly type: 'problem'; readonly of: string; readonly message: string; readonly over: boolean }
  /** The history begins to be written, and ends in order. */
  | { readonly type: 'start' }
  | { readonly type: 'stop' }
  /** So many entries came faster than they could be written. */
  | { readonly type: 'lost'; readonly count: number }

/** One entry of a history. */
export type HistoryEntry = EntryFacts & {
  /** Milliseconds since 1970. */
  readonly time: number
  /** The resource that it is about; empty for the whole node. */
  readonly path: string
}

/** A type of entry. */
type HistoryEntryType = HistoryEntry['type']

/** Which entries are meant. */
export interface HistoryQuery {
  /** Milliseconds since 1970: the entries from then on. Default: all. */
  readonly since?: number
  readonly types?: readonly HistoryEntryType[]
}
