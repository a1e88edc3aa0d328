import type { DeadLetter } from '../actors/dead-letters.ts'
import type { Clock } from '../concurrency/clock.ts'
import type { Random } from '../concurrency/random.ts'
import type { Scheduler } from '../concurrency/scheduler.ts'
import type { ErrorRecord, ExovisorError } from '../errors.ts'
import type { Timing } from './environment.ts'
import type {
  LifecycleState,
  ResourceDefinition,
  ResourceLog,
  ResourceRef,
  ResourceSnapshot,
  WaitOptions,
} from './types.ts'

/** One after the other in the order of adding; or side by side, each as soon as those it depends on allow it. */
export type GroupOrder = 'parallel' | 'sequence'

/** How a resource is added to a group. Its limits default to those of any resource. */
export interface MemberOptions<Input> extends Partial<Timing> {
  /** Unique in its group; at most 256 characters. */
  readonly name: string
  readonly input: Input
  /** Names of resources added before: they are READY before this one starts, and are closed after it. */
  readonly dependsOn?: readonly string[]
  /** How many messages wait for it at most. Default: 1000. */
  readonly mailbox?: number
}

/** A resource to be added, with its definition. */
export interface AddedMember<Input, Client, Message = never> extends MemberOptions<Input> {
  readonly resource: ResourceDefinition<Input, Client, Message>
}

/** A resource of a group as data: for {@link GroupInput.resources}. */
export type MemberSpec<Input, Client, Message = never> =
  | AddedMember<Input, Client, Message>
  | (Omit<AddedMember<Input, Client, Message>, 'input'> & {
      /** Makes the input for each incarnation of the group, before anything starts: with refs of the resources added before. */
      inputOf(group: GroupClient): Input
    })

/** A spec whose types do not matter. */
export type AnyMemberSpec = MemberSpec<unknown, unknown, unknown>

/** How a group starts and closes its resources. */
export interface GroupShape {
  /** How they start. Default: `parallel`. */
  readonly order?: GroupOrder
  /**
   * How they are closed, always in reverse: each one after those that depend on it. Default: `sequence`, which is the exact
   * reverse of the order of adding.
   */
  readonly closeOrder?: GroupOrder
  /** How many start, or are closed, side by side at most when the order is `parallel`. Default: 16. */
  readonly concurrency?: number
}

/** How a group without a supervisor is created. */
export interface GroupOptions extends GroupShape {
  /** Default: `group`. */
  readonly name?: string
  readonly clock?: Clock
  readonly random?: Random
  /** Default: a `TurnScheduler`. */
  readonly scheduler?: Scheduler
  readonly log?: ResourceLog
  /** Where the supervisors among its resources report to. */
  report?(event: object): void
  /** Told of each message that a resource of the group refused. */
  onDeadLetter?(letter: DeadLetter): void
}

/** One resource of a group: plain data. */
export interface MemberSnapshot extends ResourceSnapshot {
  readonly dependsOn: readonly string[]
}

/** All that can be seen of a group: plain data. */
export interface GroupSnapshot {
  readonly kind: 'group'
  readonly name: string
  readonly state: LifecycleState
  /** The clock's time of the last change of state. */
  readonly since: number
  readonly lastError?: ErrorRecord
  /** In the order of adding. */
  readonly resources: readonly MemberSnapshot[]
  /** What went wrong in cleanups so far. */
  readonly cleanupFailures: readonly ErrorRecord[]
}

/** One change of a group's state. */
export interface GroupChange {
  readonly state: LifecycleState
  readonly previous: LifecycleState
  /** Why, for a change to DEGRADED or ERROR: the failure of the resource, which the message names. */
  readonly error?: ExovisorError
}

/** What a group offers to those who use it: the client of the `group` kind. */
export interface GroupClient {
  readonly name: string
  /**
   * Adds a resource. To a group that has not been initialised it is added only. While the group initialises the resource takes part in that.
   * Later it starts at once, the promise waits until it is READY, and one that cannot start is closed and forgotten.
   * @throws EXO_CHILD_SPEC_INVALID for a name that is taken, an unknown dependency or another wrong field; EXO_RESOURCE_CLOSED;
   * else the cause of the failed start, with its own code
   */
  addResource<Input, Client, Message = never>(
    definition: ResourceDefinition<Input, Client, Message>,
    options: MemberOptions<Input>,
  ): Promise<ResourceRef<Client, Message>>
  /**
   * The handle of a resource; wait with its `ready()`.
   * @throws EXO_CHILD_UNKNOWN for a name that is not there, naming the nearest one, or that is of another definition
   */
  getResource<Input, Client, Message>(
    definition: ResourceDefinition<Input, Client, Message>,
    name: string,
  ): ResourceRef<Client, Message>
  getResource(name: string): ResourceRef<unknown, unknown>
  /**
   * Closes a resource and forgets it. Resolves when it is CLOSED.
   * @throws EXO_CHILD_UNKNOWN; EXO_CHILD_SPEC_INVALID while others depend on it
   */
  removeResource(name: string, reason?: string): Promise<void>
  /** All resources in the order of adding. */
  statuses(): readonly MemberSnapshot[]
}

/**
 * Resources that are started and closed as one. Its state is that of its resources:
 * READY when all are, ERROR when one has failed or ended by itself, else DEGRADED when one is.
 */
export interface ResourceGroup extends GroupClient, AsyncDisposable {
  readonly state: LifecycleState
  /** Why it went to ERROR or DEGRADED last. */
  readonly failure: ExovisorError | undefined
  /** What went wrong in cleanups so far, in the order in which it happened. */
  readonly cleanupFailures: readonly ExovisorError[]
  /**
   * Starts all resources, the first time it is called, and waits until all are READY. When one fails, or when the first caller gives up,
   * those that still start are aborted, those that are READY are closed in reverse, and the promise rejects
   * once all of that has ended. A group that failed to start is not started again.
   * @throws the first failure, with its code, naming the resource; `details.failures` has the others and `details.cleanupFailures`
   * what went wrong in closing. EXO_ABORTED, EXO_READY_TIMEOUT, EXO_RESOURCE_CLOSED
   */
  initialize(options?: WaitOptions): Promise<void>
  /**
   * Closes all resources in reverse, also those after one whose cleanup failed. Never rejects: resolves when CLOSED, with what went
   * wrong in the cleanups.
   * @param options.signal when it is aborted, all that is still open is closed at once
   */
  close(reason?: string, options?: { readonly signal?: AbortSignal }): Promise<readonly ExovisorError[]>
  /** The older name of {@link ResourceGroup.initialize}; the same in every way. */
  start(options?: WaitOptions): Promise<void>
  /** The older name of {@link ResourceGroup.close}; the same in every way. */
  stop(reason?: string, options?: { readonly signal?: AbortSignal }): Promise<readonly ExovisorError[]>
  /** Tells of each change of state, from the next one on. The result ends it. */
  subscribe(listener: (change: GroupChange) => void): () => void
  snapshot(): GroupSnapshot
}
