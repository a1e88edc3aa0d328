import type { InspectionObserver } from '../actors/inspection.ts'
import type { Clock } from '../concurrency/clock.ts'
import type { Random } from '../concurrency/random.ts'
import type { Scheduler } from '../concurrency/scheduler.ts'
import type { ErrorRecord, ExovisorError } from '../errors.ts'
import type { ShutdownLimit } from '../resources/environment.ts'
import type {
  LifecycleState,
  ResourceDefinition,
  ResourceLog,
  ResourceRef,
  ResourceSnapshot,
  StateChange,
  WaitOptions,
} from '../resources/types.ts'
import type { IntensityPolicy, PolicyInput, PolicyTable, RestartType } from './policy.ts'

/** What a supervisor does to the other children when one of them has ended. */
export type StrategyName = 'one_for_one' | 'one_for_all' | 'rest_for_one'

/** One child of a supervisor. */
export interface ChildSpec<Input, Client, Message = never> {
  /** Unique in its supervisor; at most 256 characters. The name of the child's ref. */
  readonly id: string
  readonly resource: ResourceDefinition<Input, Client, Message>
  readonly input: Input
  /** A name in the policy table, or fields laid over what the table says. */
  readonly policy?: string | PolicyInput
  /** Short for `policy: { restart }`; wins over it. */
  readonly restart?: RestartType
  /** Short for `policy: { shutdown }`; wins over it. */
  readonly shutdown?: ShutdownLimit
  /** Its own end may end the supervisor, as `autoShutdown` says. Default: false. */
  readonly significant?: boolean
  /** Ids of siblings that it needs: it starts after them, and is restarted and stopped with them. For `dependency_closure` only. */
  readonly dependsOn?: readonly string[]
  /** Ids of siblings after which it starts, and before which it stops, if they are started or stopped as well. Ordering alone. */
  readonly after?: readonly string[]
  /** Ids of siblings with which it is restarted and stopped. Requirement alone: it starts beside them. */
  readonly requires?: readonly string[]
  /** False: it is known but not started, until `restart(id)`. Default: true. */
  readonly start?: boolean
  /** How many messages wait for it at most. Default: 1000. */
  readonly mailbox?: number
}

/** A spec whose types do not matter. */
export type AnyChildSpec = ChildSpec<unknown, unknown, unknown>

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
}

/** `used` of `limit` restarts lie within the last `within` milliseconds. */
export interface WindowFill {
  readonly used: number
  readonly limit: number
  readonly within: number
}

/** All that can be seen of a child: plain data. */
export interface ChildSnapshot extends ResourceSnapshot {
  readonly id: string
  readonly restart: RestartType
  readonly attempt: number
  readonly window: WindowFill
  /** The clock's time of the next restart, while one waits for its backoff. */
  readonly nextAttemptAt?: number
}

/** What a supervisor offers: the client of the `supervisor` kind. */
export interface SupervisorClient {
  readonly name: string
  /**
   * The stable handle of a child.
   * @throws EXO_CHILD_UNKNOWN for an id that is not there, or that is of another definition
   */
  ref<Input, Client, Message>(
    definition: ResourceDefinition<Input, Client, Message>,
    id: string,
  ): ResourceRef<Client, Message>
  ref(id: string): ResourceRef<unknown, unknown>
  /**
   * Adds a child and waits until it is READY. The id of a child that was stopped may be used again.
   * A child that cannot start is forgotten: there is no retry at a first start.
   * @throws EXO_CHILD_SPEC_INVALID, EXO_RESOURCE_CLOSED, or the cause of the failed start, with its code
   */
  start<Input, Client, Message>(
    spec: ChildSpec<Input, Client, Message>,
  ): Promise<ResourceRef<Client, Message>>
  /** Stops a child and leaves it known, so that `restart` can start it again. A temporary one is forgotten. */
  stop(id: string): Promise<void>
  /** Stops a child, if it runs, and starts a new incarnation; waits until it is READY. Spends no intensity. */
  restart(id: string): Promise<void>
  /** Stops a child and forgets it. */
  remove(id: string): Promise<void>
  /** All children in the order in which they were started. */
  children(): readonly ChildSnapshot[]
  /** Tells of each event of this supervisor and of those below it, from now on. The result ends it. */
  onEvent(listener: (event: SupervisionEvent) => void): () => void
  /** Attaches an observer to the XState system that this supervisor belongs to. The result detaches it. */
  inspect(observer: InspectionObserver): () => void
}

/** How a root supervisor ended. */
export interface SupervisorEnd {
  readonly reason: 'closed' | 'failed'
  /** Why, when it failed: EXO_INTENSITY_EXCEEDED with its chain of causes. */
  readonly error: ExovisorError | undefined
}

/** The root of a supervision tree. */
export interface Supervisor extends SupervisorClient, AsyncDisposable {
  readonly state: LifecycleState
  /** Settles when the supervisor is READY; see {@link ResourceRef.ready}. */
  ready(options?: WaitOptions): Promise<void>
  /** Tells of each change of the supervisor's own state. The result ends it. */
  subscribe(listener: (change: StateChange) => void): () => void
  /** Stops all children in reverse order, one after the other. */
  close(): Promise<void>
  /** Resolves when CLOSED, after `close()` or because a child spent its intensity. Never rejects. */
  readonly closed: Promise<SupervisorEnd>
}

/** What a supervisor is made of. */
export interface SupervisorInput {
  readonly strategy?: StrategyName
  readonly children?: readonly AnyChildSpec[]
  /** A supervisor below another one takes the other one's table when it has none. */
  readonly policies?: PolicyTable
  /** A limit for the restarts of all children together, beside each child's own. Default: none. */
  readonly intensity?: IntensityPolicy
  onEvent?(event: SupervisionEvent): void
}

/** How a root supervisor is created. */
export interface SuperviseOptions extends SupervisorInput {
  /** Default: `root`. */
  readonly name?: string
  readonly clock?: Clock
  readonly random?: Random
  /** Default: a `TurnScheduler` of its own. */
  readonly scheduler?: Scheduler
  readonly log?: ResourceLog
  /** Sees the XState system of the whole tree. */
  readonly inspect?: InspectionObserver
}
