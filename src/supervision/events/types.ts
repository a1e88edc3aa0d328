import type { ErrorRecord } from '../../errors.ts'
import type { Directive } from '../policy.ts'

/** What happened to a child, or to its supervisor. */
export type SupervisionEventType =
  /** An incarnation begins to initialise. */
  | 'started'
  /** An incarnation has become READY for the first time. */
  | 'ready'
  /** READY became DEGRADED. */
  | 'degraded'
  /** DEGRADED became READY. */
  | 'recovered'
  /** A soft restart begins; `count` says which in a row. */
  | 'soft_restart'
  /** It went to ERROR after it was READY, or stayed DEGRADED for too long. */
  | 'failed'
  /** The directive for a fault was to go on: the incarnation stays. */
  | 'resumed'
  /** An incarnation has ended: it is CLOSED. */
  | 'child_terminated'
  /** It went to ERROR before it was READY. */
  | 'start_error'
  /** A restart waits for `delay` milliseconds. */
  | 'backoff_scheduled'
  /** A successor has become READY. */
  | 'restarted'
  /** It spent its intensity; the supervisor escalates. */
  | 'gave_up'
  /** The directive for a fault was to escalate: the supervisor fails. */
  | 'escalated'
  /** It spent its intensity; it stays down for `delay` milliseconds, and then is tried once. */
  | 'circuit_opened'
  /** The one try of an open circuit begins. */
  | 'circuit_half_open'
  /** That try became READY. */
  | 'circuit_closed'
  /** No further incarnation will come by itself. */
  | 'stopped'
  /** It said while it initialised that it is not wanted: it is known and does not run. */
  | 'ignored'
  /** Somebody took it out of routing and of message handling. */
  | 'suspended'
  /** Somebody took that back. */
  | 'unsuspended'
  /** Its spec or its policy is another one since its supervisor was told to reload. */
  | 'reloaded'
  /** A significant child ended by itself, so the supervisor closes. */
  | 'auto_shutdown'
  /** A message was refused. */
  | 'dead_letter'
  /** A cleanup threw or took too long. */
  | 'shutdown_error'
  /** A restart waits for its turn among many; `count` says how many wait. Told of the 1st, 2nd, 4th, 8th ... of them. */
  | 'storm_delayed'

/** What a monitor tells of a resource that it watches; no supervisor does. `reason` says in words what it is. */
export type WatchEventType =
  /** It has become a problem by the thresholds of the monitor. */
  | 'problem'
  /** It is none any more. */
  | 'problem_over'

/** `used` of `limit` restarts lie within the last `within` milliseconds. */
export interface WindowFill {
  readonly used: number
  readonly limit: number
  readonly within: number
}

/** One link of a chain of causes. */
export interface CauseRecord {
  /** The code of the error, if it has one: ours, or of the system, e.g. `ECONNREFUSED`. */
  readonly code?: string
  /** The name of the error's class, unless that is plain `Error`. */
  readonly name?: string
  /** At most 2,000 characters. */
  readonly message: string
}

/** One structured event of a supervisor about one of its children: plain data of bounded size. */
export interface SupervisionEvent {
  readonly type: SupervisionEventType | WatchEventType
  /** The clock's time, in milliseconds. */
  readonly at: number
  /** The path of the supervisor, e.g. `node/peers`. */
  readonly supervisor: string
  readonly name: string
  readonly kind: string
  readonly incarnation: number
  /** Restarts in a row; 0 after a healthy time. */
  readonly attempt: number
  /** How much of the restart intensity is spent. */
  readonly window: WindowFill
  /** Without its causes: those are in `causes`. */
  readonly error?: Omit<ErrorRecord, 'causes'>
  /** Why, from the nearest cause to the root, at most eight; a cause that comes round again ends the chain. */
  readonly causes?: readonly CauseRecord[]
  /** What follows from the error, where a decider said so. */
  readonly directive?: Directive
  /** Milliseconds, for what waits. */
  readonly delay?: number
  /** In words, for what has no error: stopped, ignored, dead_letter ... */
  readonly reason?: string
  /** For dead_letter: how many there were so far; the other types say what they count. */
  readonly count?: number
}

/** Many events of one type of one supervisor that came at once, beside the first few, which were told one by one. */
export interface EventSummary {
  readonly type: 'summary'
  readonly of: SupervisionEvent['type']
  /** The clock's time at the end of the burst. */
  readonly at: number
  /** The clock's time of the first event in it. */
  readonly since: number
  readonly supervisor: string
  /** How many events this stands for. */
  readonly count: number
  /** The most frequent errors, at most five, most frequent first. The names of children are left out of the messages. */
  readonly errors: readonly ErrorCount[]
  /** The name of the first child in it. */
  readonly first: string
  readonly last: string
}

/** How often one error occurs in a burst. */
export interface ErrorCount {
  readonly code: string
  readonly message: string
  readonly count: number
}

/** What logs and journals get: events, and summaries in place of the many. */
export type SupervisionRecord = SupervisionEvent | EventSummary
