import type { ErrorRecord } from '../../errors.ts'

/** What happened to a child. */
export type SupervisionEventType =
  /** An incarnation begins to initialise. */
  | 'started'
  /** An incarnation has become READY for the first time. */
  | 'ready'
  /** READY became DEGRADED. */
  | 'degraded'
  /** DEGRADED became READY. */
  | 'recovered'
  /** A soft restart begins; `attempt` counts them. */
  | 'soft_restart'
  /** It went to ERROR, or stayed DEGRADED for too long. */
  | 'failed'
  /** An incarnation has ended: it is CLOSED. */
  | 'child_terminated'
  /** A restart waits for `delay` milliseconds. */
  | 'backoff_scheduled'
  /** A successor has become READY. */
  | 'restarted'
  /** It spent its intensity; the supervisor escalates. */
  | 'gave_up'
  /** No further incarnation will come by itself. */
  | 'stopped'
  /** A message was refused. */
  | 'dead_letter'
  /** A cleanup threw or took too long. */
  | 'shutdown_error'
  | 'resumed'
  | 'start_error'
  | 'escalated'
  | 'circuit_opened'
  | 'circuit_half_open'
  | 'circuit_closed'
  | 'ignored'
  | 'suspended'
  | 'unsuspended'
  | 'reloaded'
  | 'auto_shutdown'

/** One structured event of a supervisor about one of its children. Plain data. */
export interface SupervisionEvent {
  readonly type: SupervisionEventType
  /** The clock's time, in milliseconds. */
  readonly at: number
  /** The name of the supervisor. */
  readonly supervisor: string
  readonly name: string
  readonly kind: string
  readonly incarnation: number
  /** Restarts in a row; 0 after a healthy time. */
  readonly attempt: number
  /** How much of the restart intensity is spent. */
  readonly window: WindowFill
  readonly error?: ErrorRecord
  /** For backoff_scheduled: milliseconds. */
  readonly delay?: number
  /** For stopped and dead_letter. */
  readonly reason?: string
  /** For dead_letter: how many there were so far. */
  readonly count?: number
  readonly directive?: 'resume' | 'restart' | 'stop' | 'escalate'
}

/** `used` of `limit` restarts lie within the last `within` milliseconds. */
export interface WindowFill {
  readonly used: number
  readonly limit: number
  readonly within: number
}
