import type { DeadLetters } from '../actors/dead-letters.ts'
import type { InspectionObserver } from '../actors/inspection.ts'
import type { ActorFactory } from '../actors/machine-actor.ts'
import type { MailboxPolicy } from '../actors/mailbox-policy.ts'
import type { Clock } from '../concurrency/clock.ts'
import type { Random } from '../concurrency/random.ts'
import type { Scheduler, TurnBudget } from '../concurrency/scheduler.ts'
import type { TaskRegistry } from '../concurrency/task-registry.ts'
import type { ExovisorError } from '../errors.ts'
import type { ShutdownLimit } from '../resources/environment.ts'
import type { Registry } from '../resources/registry.ts'
import type { TraceEvent } from '../resources/trace.ts'
import type {
  LifecycleState,
  ResourceDefinition,
  ResourceLog,
  ResourceRef,
  ResourceSnapshot,
  StateChange,
  WaitOptions,
} from '../resources/types.ts'
import type { ChildSpecData } from './child-spec.ts'
import type { EventStream } from './events/stream.ts'
import type { SupervisionEvent, WindowFill } from './events/types.ts'
import type { IntensityPolicy, PolicyInput, PolicyTable, RestartType } from './policy.ts'

export type * from './events/types.ts'

/** What a supervisor does to the other children when one of them has ended. */
export type StrategyName = 'one_for_one' | 'one_for_all' | 'rest_for_one' | 'dependency_closure' | 'dynamic'

/** Whether the supervisor ends when a significant child has ended by itself: never, with any of them, or with the last of them. */
export type AutoShutdown = 'never' | 'any_significant' | 'all_significant'

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
  /** How many messages wait for it at most, and what happens beyond that. A number is a capacity. Default: 1000, `reject`. */
  readonly mailbox?: number | MailboxPolicy
}

/** A spec whose types do not matter. */
export type AnyChildSpec = ChildSpec<unknown, unknown, unknown>

/** What the children of a `dynamic` supervisor have in common; each adds its input and, if it likes, its id. */
export type ChildTemplate<Input, Client, Message = never> = Omit<
  ChildSpec<Input, Client, Message>,
  'id' | 'input' | 'start' | 'dependsOn' | 'after' | 'requires'
>

/** How many children a supervisor has; as OTP's count_children. */
export interface ChildCounts {
  /** All that are known, the stopped ones too. */
  readonly specs: number
  /** Those with a living incarnation. */
  readonly active: number
  /** Those that have ended and are to come back. */
  readonly restarting: number
  readonly supervisors: number
  readonly workers: number
}

/** All that can be seen of a child: plain data. */
export interface ChildSnapshot extends ResourceSnapshot {
  readonly id: string
  readonly restart: RestartType
  readonly attempt: number
  readonly window: WindowFill
  /** The clock's time of the next restart, while one waits for its backoff or for its circuit. */
  readonly nextAttemptAt?: number
  /** `open`: its intensity is spent and it stays down for a time; `half_open`: it is tried again after such a time. */
  readonly circuit: 'closed' | 'open' | 'half_open'
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
  /**
   * Starts a child of a `dynamic` supervisor and waits until it is READY. One that cannot start, or has ended for good, is forgotten.
   * @param id default: the kind and a number
   * @throws EXO_STRATEGY_MISMATCH for another strategy or definition, EXO_CHILDREN_EXHAUSTED beyond `maxChildren`, else like `start`
   */
  spawn<Input, Client, Message>(
    definition: ResourceDefinition<Input, Client, Message>,
    input: Input,
    options?: { readonly id?: string },
  ): Promise<ResourceRef<Client, Message>>
  /** Stops a child and leaves it known, so that `restart` can start it again. A temporary one is forgotten. */
  stop(id: string): Promise<void>
  /** Stops a child, if it runs, and starts a new incarnation; waits until it is READY. Spends no intensity. */
  restart(id: string): Promise<void>
  /** As {@link SupervisorClient.restart}, and forgets what was before: its restarts in the window, its attempts, its open circuit, its last error. */
  reset(id: string): Promise<void>
  /**
   * Mends a DEGRADED child in place, or, when its kind cannot do that, takes the degrading back: its health checks say the rest.
   * @throws EXO_RESOURCE_FAILED for a child that is not DEGRADED, and what the mending throws
   */
  recover(id: string): Promise<void>
  /** Stops a child and forgets it. */
  remove(id: string): Promise<void>
  /** All children in the order in which they were started. */
  children(): readonly ChildSnapshot[]
  /**
   * One of them.
   * @throws EXO_CHILD_UNKNOWN
   */
  child(id: string): ChildSnapshot
  count(): ChildCounts
  /**
   * The spec of a child as plain data, with its defaults and its policy filled in.
   * @throws EXO_CHILD_UNKNOWN
   */
  spec(id: string): ChildSpecData
  /** Lets a child rest: its messages and health checks wait until `resume`. A supervisor that is suspended restarts nothing, and all below it rests too. */
  suspend(id: string): void
  /** Lets a suspended child go on. Does nothing to others. */
  resume(id: string): void
  /**
   * Tells of everything about one child from now on: messages, answers, transitions, states. The result ends it. Costs nothing while nobody traces.
   * @throws EXO_CHILD_UNKNOWN
   */
  trace(id: string, listener: (event: TraceEvent) => void): () => void
  /**
   * Changes a supervisor while it runs, also in the middle of a restart. What the input does not name stays. Children are matched by id:
   * known ones get the new spec and keep running, new ones are added and not started, missing ones stay as they are. Policies
   * hold from the next decision on, timings from the next incarnation on. As OTP's code_change.
   * @throws EXO_CHILD_SPEC_INVALID with every fault; then nothing has changed
   */
  reload(input: SupervisorInput): void
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
  readonly reason: 'closed' | 'failed' | 'auto_shutdown'
  /** Why, when it failed: EXO_INTENSITY_EXCEEDED or EXO_ESCALATED with its chain of causes. */
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
  /** Default: `one_for_one`. */
  readonly strategy?: StrategyName
  readonly children?: readonly AnyChildSpec[]
  /** What a child of a `dynamic` supervisor is made of. */
  readonly template?: ChildTemplate<never, unknown, never>
  /** How many children a `dynamic` supervisor may have. Default: 100 000. */
  readonly maxChildren?: number
  /** Default: `never`. */
  readonly autoShutdown?: AutoShutdown
  /** How many restarted children may be INITIALIZING at one time; further ones wait. Default: 1024. */
  readonly concurrentStarts?: number
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
  /** Default: a `TurnScheduler` with the budget of `turn`. */
  readonly scheduler?: Scheduler
  /** How much the whole tree does in a row before the event loop gets its turn. Default: 1024 tasks or 5 ms. */
  readonly turn?: TurnBudget
  /**
   * Makes the actor of each resource. By default the machine is walked as a table while nobody observes the tree, and XState takes over with the
   * first observer; `createInterpretedActor` lets XState run every machine from the start, at thirty times the cost of a life.
   */
  readonly createActor?: ActorFactory
  /** Where all mailboxes of the tree note what nobody handled. Default: one of its own. */
  readonly deadLetters?: DeadLetters
  readonly log?: ResourceLog
  /** Where the events of the whole tree come together; closed when the tree has ended. Default: a stream of its own. */
  readonly events?: EventStream
  /** Where all children are registered. Default: a registry of its own. */
  readonly registry?: Registry
  /** Where the background tasks of all resources can be seen while they run. Default: nowhere. */
  readonly tasks?: TaskRegistry
  /** Sees the XState system of the whole tree. */
  readonly inspect?: InspectionObserver
}
