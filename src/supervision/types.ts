import type { InspectionObserver } from '../actors/inspection.ts'
import type { Clock } from '../concurrency/clock.ts'
import type { Random } from '../concurrency/random.ts'
import type { Scheduler } from '../concurrency/scheduler.ts'
import type { ExovisorError } from '../errors.ts'
import type { Registry } from '../resources/registry.ts'
import type {
  LifecycleState,
  ResourceDefinition,
  ResourceLog,
  ResourceRef,
  ResourceSnapshot,
  StateChange,
  WaitOptions,
} from '../resources/types.ts'
import type { EventStream } from './events/stream.ts'
import type { SupervisionEvent, WindowFill } from './events/types.ts'
import type { IntensityPolicy, PolicyInput, PolicyTable, RestartType } from './policy.ts'

export type * from './events/types.ts'

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
  /** False: it is known but not started, until `restart(id)`. Default: true. */
  readonly start?: boolean
  /** How many messages wait for it at most. Default: 1000. */
  readonly mailbox?: number
}

/** A spec whose types do not matter. */
export type AnyChildSpec = ChildSpec<unknown, unknown, unknown>

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
  /**
   * The last 32 events of a child, oldest first, its restarts included; empty while nothing has happened but a start. Of dead letters it has
   * the 1st, 2nd, 4th, 8th ...
   * @throws EXO_CHILD_UNKNOWN
   */
  history(id: string): readonly SupervisionEvent[]
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
  /** Where the events of the whole tree come together; closed when the tree has ended. Default: a stream of its own. */
  readonly events?: EventStream
  /** Where all children are registered. Default: a registry of its own. */
  readonly registry?: Registry
  /** Sees the XState system of the whole tree. */
  readonly inspect?: InspectionObserver
}
