import type { AnyLifecycleMachine, LifecycleState } from '../../machines/lifecycle.ts'
import type { Clock } from '../concurrency/clock.ts'
import type { Random } from '../concurrency/random.ts'
import type { CancelScope } from '../concurrency/scope.ts'
import type { Task } from '../concurrency/task.ts'
import type { WaitOptions } from '../concurrency/wait.ts'
import type { ErrorRecord } from '../errors.ts'
import type { HealthRecord } from './health.ts'
import type { ResourceLog } from './log.ts'
import type { Down, MonitorOptions } from './monitor.ts'
import type { TraceEvent } from './trace.ts'

export type { AnyLifecycleMachine, LifecycleState } from '../../machines/lifecycle.ts'
export type { WaitOptions } from '../concurrency/wait.ts'
export type { ResourceLog } from './log.ts'

/** What an incarnation may say of itself. After its end all of this is ignored. */
export interface ResourceSelf {
  readonly name: string
  /** 1 for the first start; each restart adds one. */
  readonly incarnation: number
  /** Reports trouble: READY becomes DEGRADED. */
  degrade(reason: unknown): void
  /** Takes a degrading back: DEGRADED becomes READY. */
  recovered(): void
  /** Reports the end: the resource goes to ERROR, and its supervisor decides. */
  fail(error: unknown): void
  /** Ends in the normal way: a transient or temporary resource is not restarted after this. */
  end(reason?: string): void
  /** While it initialises: it is not wanted here, e.g. by the configuration. It ends, which is no failure; its supervisor keeps its spec. */
  ignore(reason?: string): void
  /**
   * Sends a domain event of the kind's own machine, e.g. `{ type: 'call.started' }`.
   * @throws EXO_MESSAGE_UNHANDLED for an event of the lifecycle, which only the runtime may send
   */
  send(event: { readonly type: string; readonly [fact: string]: unknown }): void
  /**
   * Begins a background task of this incarnation. What it throws is a failure of the resource. It is cancelled as soon as the resource is
   * neither starting nor working any more; closing waits for its end before the cleanup, for half of the time that closing may take,
   * and names a task that goes on in EXO_TASK_LEAKED.
   *
   * A resource that is past that begins none any more: the task is a cancelled one.
   *
   * @param name what it does, e.g. `announce`: so it stands among the tasks of the runtime
   */
  spawn<T>(name: string, work: (scope: CancelScope) => T | PromiseLike<T>): Task<T>
}

/** What `initialize` gets. */
export interface InitializeContext<Input> {
  readonly input: Input
  /** Aborted when the initialising is given up: start timeout passed, or the resource is being closed. Not afterwards. */
  readonly signal: AbortSignal
  /** Names the resource and its incarnation in each line. */
  readonly log: ResourceLog
  readonly self: ResourceSelf
  readonly clock: Clock
  readonly random: Random
}

/**
 * One kind of resource: its effects, and the machine that draws its life.
 *
 * What `initialize` returns is the resource's interface to its callers. It stays outside of the machine.
 */
export interface ResourceDefinition<Input, Client, Message = never> {
  /** Lower-case words joined by hyphens, e.g. `peer`. */
  readonly kind: string
  /** `machines/lifecycle.ts`, or one built on it. One machine object for the kind, never one for each resource. */
  readonly machine: AnyLifecycleMachine
  /** Acquires. Once its signal is aborted it must settle soon: closing waits for it. */
  initialize(context: InitializeContext<Input>): Promise<Client>
  /** Throws when the client is not well. Called again and again while READY or DEGRADED. */
  checkHealth?(client: Client, context: { readonly signal: AbortSignal }): Promise<void>
  /** Soft restart: mends the client in place. Throws when that failed. */
  recover?(client: Client, context: { readonly signal: AbortSignal }): Promise<void>
  /**
   * Releases. Called exactly once for each incarnation that began to initialise, after `initialize` has settled.
   * `client` is undefined when that did not succeed. The signal is aborted when the time for closing is over.
   */
  cleanup?(
    client: Client | undefined,
    context: { readonly reason: string; readonly signal: AbortSignal },
  ): Promise<void>
  /** Handles one message at a time; what it returns answers an `ask`. The signal is aborted when nobody waits any more. */
  receive?(
    client: Client,
    message: Message,
    context: { readonly signal: AbortSignal; readonly self: ResourceSelf },
  ): unknown
  /** What people call this resource, e.g. its address. Default: its name. */
  displayName?(input: Input): string
}

/** A definition whose types do not matter. */
export type AnyResourceDefinition = ResourceDefinition<unknown, unknown, unknown>

/** One change of state, as {@link ResourceRef.subscribe} tells it. */
export interface StateChange {
  readonly state: LifecycleState
  readonly previous: LifecycleState
  readonly incarnation: number
  /** Why, for a change to DEGRADED or ERROR. */
  readonly error?: ErrorRecord
}

/** All that can be seen of a resource from outside: plain data. */
export interface ResourceSnapshot {
  readonly kind: string
  readonly name: string
  readonly displayName: string
  readonly state: LifecycleState
  readonly incarnation: number
  /** Incarnations that came after another one. */
  readonly restarts: number
  /** The machine's state value, nested states included: `'READY'` or `{ READY: 'idle' }`. */
  readonly value: unknown
  /** The clock's time of the last change of state. */
  readonly since: number
  readonly lastError?: ErrorRecord
  /** How the health checks of the current incarnation went; missing before the first. */
  readonly lastHealth?: HealthRecord
  /** Messages that wait. */
  readonly mailbox: number
  readonly deadLetters: number
  /** Answers to an ask that came after the incarnation that gave them had ended: they were dropped. */
  readonly lateAnswers: number
  /** True while messages wait because somebody said so. */
  readonly suspended: boolean
  /** True when no further incarnation will come by itself. */
  readonly ended: boolean
}

/** The stable handle of a resource: it outlives restarts. */
export interface ResourceRef<Client, Message = never> {
  readonly kind: string
  readonly name: string
  /** The state of the current incarnation; CLOSED between two of them, UNINITIALIZED before the first. */
  readonly state: LifecycleState
  /** 0 before the first start. */
  readonly incarnation: number
  readonly lastError: ErrorRecord | undefined
  /** The live client while READY or DEGRADED, else undefined. */
  readonly client: Client | undefined
  /**
   * Waits until the resource is READY, through restarts, and gives its client.
   * @throws EXO_READY_TIMEOUT, EXO_ABORTED, EXO_RESOURCE_CLOSED, EXO_INTENSITY_EXCEEDED when its supervisor gave up,
   * EXO_RESOURCE_FAILED when it failed and nobody restarts it
   */
  ready(options?: WaitOptions): Promise<Client>
  /**
   * Sends a message and forgets it. It is handled later, never within this call. False: it was refused and is a dead letter now,
   * because the resource is closed, receives no messages, or has a full mailbox: `tell` cannot wait for a place.
   */
  tell(message: Message): boolean
  /**
   * Sends a message and resolves when it has a place in the mailbox, which says nothing of its handling. Waits for a
   * place, without limit unless told otherwise, where the mailbox's overflow policy is `backpressure`: first come, first served.
   * Who gives up has sent nothing.
   * @throws EXO_MAILBOX_FULL when there is no place, or none within the timeout; EXO_ABORTED, EXO_MESSAGE_UNHANDLED, EXO_RESOURCE_CLOSED
   */
  send(message: Message, options?: WaitOptions): Promise<void>
  /**
   * Sends a message and waits for the answer, 5 s by default. Settles exactly once; the signal of the handler is aborted when the
   * caller gives up. Where the mailbox's overflow policy is `backpressure` it also waits for a place, within the same time.
   * @throws what the handler threw; EXO_ASK_TIMEOUT, EXO_ABORTED, EXO_MAILBOX_FULL, EXO_MESSAGE_UNHANDLED,
   * EXO_RESOURCE_CLOSED, EXO_RESOURCE_FAILED when the incarnation that had taken the message failed
   */
  ask(message: Message, options?: WaitOptions): Promise<unknown>
  /** Tells of each change of state, from the next one on. The result ends it. */
  subscribe(listener: (change: StateChange) => void): () => void
  /**
   * Tells once of the end, in a turn of its own: at the next one if it is there already. The result takes the monitor back.
   */
  monitor(listener: (down: Down) => void, options?: MonitorOptions): () => void
  /** Tells of each message and each change of state, from now on. Costs nothing while nobody traces. The result ends it. */
  trace(listener: (event: TraceEvent) => void): () => void
  /** READY becomes DEGRADED: what a caller says who got bad answers. */
  degrade(reason: unknown): void
  /** READY or DEGRADED becomes ERROR: what a caller says who knows that the resource is lost. */
  fail(error: unknown): void
  snapshot(): ResourceSnapshot
}
