import { type DeadLetter, DeadLetters } from '../actors/dead-letters.ts'
import type { InspectionObserver } from '../actors/inspection.ts'
import type { ActorFactory, MachineActor } from '../actors/machine-actor.ts'
import type { MailboxPolicy } from '../actors/mailbox-policy.ts'
import { type Clock, realClock } from '../concurrency/clock.ts'
import { type Random, realRandom } from '../concurrency/random.ts'
import { type Scheduler, TurnScheduler } from '../concurrency/scheduler.ts'
import type { TaskRegistry } from '../concurrency/task-registry.ts'
import { ExovisorError, toErrorRecord } from '../errors.ts'
import { displayNameOf } from './display-name.ts'
import { defaultTiming, type Environment, type EventSink, type Timing } from './environment.ts'
import { Incarnation } from './incarnation.ts'
import { aboutResource, guardedLog, type ResourceLog, silentLog } from './log.ts'
import { Ref } from './ref.ts'
import type { Registry } from './registry.ts'
import { registryEntry } from './registry-entry.ts'
import type { RegistryEntry, RegistrySource } from './registry-types.ts'
import type { AnyLifecycleMachine, ResourceDefinition, ResourceRef, WaitOptions } from './types.ts'

/** How a single resource is created. */
export interface CreateOptions<Input> extends Partial<Timing> {
  readonly input: Input
  /** Default: the definition's `displayName`, else its kind. */
  readonly name?: string
  readonly clock?: Clock
  readonly random?: Random
  /** Default: a `TurnScheduler`. */
  readonly scheduler?: Scheduler
  readonly log?: ResourceLog
  /** Makes the actor of each incarnation. Default: `createMachineActor`. */
  readonly createActor?: ActorFactory
  /** How many messages wait at most, and what happens beyond that. A number is a capacity. Default: 1000, `reject`. */
  readonly mailbox?: number | MailboxPolicy
  /** Where the mailboxes of this resource and of those below it note what nobody handled. Default: one of its own. */
  readonly deadLetters?: DeadLetters
  /** Sees the XState system of this resource. */
  readonly inspect?: InspectionObserver
  /** Where the supervisors among resources send their structured events. */
  readonly events?: EventSink
  /** Where it is registered until it is CLOSED, and the children of supervisors with it. */
  readonly registry?: Registry
  /** Where its background tasks, and those of the resources below it, can be seen while they run. Default: nowhere. */
  readonly tasks?: TaskRegistry
  /** Told of each message that was refused. */
  onDeadLetter?(letter: DeadLetter): void
}

/** A resource without a supervisor: its owner starts and closes it. */
export interface OwnedResource<Client, Message = never>
  extends ResourceRef<Client, Message>,
    AsyncDisposable {
  /**
   * Starts it, the first time it is called, and waits until it is READY.
   * @throws like {@link ResourceRef.ready}
   */
  initialize(options?: WaitOptions): Promise<Client>
  /** Releases what it holds. Resolves when CLOSED; a resource that failed is closed in the same way. */
  close(reason?: string): Promise<void>
  /** The older name of {@link OwnedResource.initialize}; the same in every way. */
  start(options?: WaitOptions): Promise<Client>
  /** The older name of {@link OwnedResource.close}; the same in every way. */
  stop(reason?: string): Promise<void>
  /** Why it went to ERROR or DEGRADED last. */
  readonly failure: ExovisorError | undefined
  /** What went wrong first in its cleanup: EXO_RESOURCE_FAILED when it threw, EXO_SHUTDOWN_TIMEOUT when it took too long. */
  readonly cleanupFailure: ExovisorError | undefined
  /** Attaches an observer to its XState system. The result detaches it. */
  inspect(observer: InspectionObserver): () => void
}

/** Owns the only incarnation of a resource. */
export class Owned<Input, Client, Message>
  extends Ref<Input, Client, Message>
  implements OwnedResource<Client, Message>, RegistrySource
{
  readonly parent = ''
  readonly #definition: ResourceDefinition<Input, Client, Message>
  readonly #incarnation: Incarnation<Input, Client, Message>
  readonly #log: ResourceLog
  #started = false
  #cleanupFailure: ExovisorError | undefined

  /** @param parent the actor below which it lives in an XState system; without one it is the root of its own */
  constructor(
    definition: ResourceDefinition<Input, Client, Message>,
    options: CreateOptions<Input>,
    parent?: MachineActor,
  ) {
    const displayName = displayNameOf(definition, options.input, options.name ?? definition.kind)
    const name = options.name ?? displayName
    const environment = environmentOf(options)
    const log = aboutResource(environment, { kind: definition.kind, name, incarnation: 1 })
    const { mailbox } = options
    super({
      definition,
      name,
      displayName,
      environment,
      mailbox,
      owner: {
        onDeadLetter: letter => {
          const { reason, count } = letter
          log.warn({ reason, count }, 'dead letter')
          options.onDeadLetter?.(letter)
        },
      },
    })
    this.#log = log
    this.#definition = definition
    this.#incarnation = new Incarnation({
      definition,
      name,
      number: 1,
      attempt: 0,
      input: options.input,
      environment,
      timing: { ...defaultTiming, ...definedTiming(options) },
      parent,
      listener: {
        changed: change => {
          this.changed(change)
          options.registry?.changed(this)
          this.announce(change)
          if (change.state === 'ERROR' && change.error) this.end(change.error)
          if (change.state === 'CLOSED') {
            this.end(this.#closedError())
            options.registry?.unregister(this)
          }
        },
        cleanupFailed: error => {
          this.cleanupFailed(error)
          this.#cleanupFailure ??= error
          log.error({ error: toErrorRecord(error) }, error.message)
        },
      },
    })
    this.attach(this.#incarnation)
    options.registry?.register(this)
    if (options.inspect) this.inspect(options.inspect)
  }

  get failure(): ExovisorError | undefined {
    return this.#incarnation.failure
  }

  get id(): string {
    return this.name
  }

  get machine(): AnyLifecycleMachine {
    return this.#definition.machine
  }

  get ref(): ResourceRef<unknown, unknown> {
    return this as unknown as ResourceRef<unknown, unknown>
  }

  entry(): RegistryEntry {
    return registryEntry(this.snapshot(), this)
  }

  get cleanupFailure(): ExovisorError | undefined {
    return this.#cleanupFailure
  }

  /** The actor of the resource: the root of its XState system, unless it was given a parent. */
  get actor(): MachineActor {
    return this.#incarnation.actor
  }

  initialize(options?: WaitOptions): Promise<Client> {
    if (!this.#started && this.state === 'UNINITIALIZED') {
      this.#started = true
      this.#incarnation.start()
    }
    return this.ready(options)
  }

  close(reason = 'closed by its owner'): Promise<void> {
    return this.#incarnation.close(reason)
  }

  start(options?: WaitOptions): Promise<Client> {
    return this.initialize(options)
  }

  stop(reason?: string): Promise<void> {
    return this.close(reason)
  }

  /** Mends a DEGRADED resource in place. Rejects when its kind cannot do that, or when it failed. */
  async recover(): Promise<void> {
    if (!this.#incarnation.canRecover) {
      throw new ExovisorError('EXO_RESOURCE_FAILED', `${this.label} cannot be mended in place`, {
        cause: this.failure,
      })
    }
    await this.#incarnation.recover()
  }

  inspect(observer: InspectionObserver): () => void {
    return this.actor.inspect(observer, error =>
      this.#log.error({ error: toErrorRecord(error) }, `an inspection observer of ${this.label} threw`),
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #closedError(): ExovisorError {
    const cause = this.#incarnation.failure
    return new ExovisorError('EXO_RESOURCE_CLOSED', `${this.label} is closed`, { cause })
  }
}

function environmentOf<Input>(options: CreateOptions<Input>): Environment {
  const { clock = realClock, random = realRandom, events, registry, tasks } = options
  const log = guardedLog(options.log ?? silentLog)
  const onFault = (error: unknown): void =>
    log.error({ error: toErrorRecord(error) }, 'a subscriber of the dead letters threw')
  return {
    clock,
    random,
    log,
    scheduler: options.scheduler ?? new TurnScheduler(clock),
    deadLetters: options.deadLetters ?? new DeadLetters({ onFault }),
    ...(options.createActor && { createActor: options.createActor }),
    ...(events && { events }),
    ...(registry && { registry }),
    ...(tasks && { tasks }),
  }
}

function definedTiming({ startTimeout, shutdown, health }: Partial<Timing>): Partial<Timing> {
  return {
    ...(startTimeout !== undefined && { startTimeout }),
    ...(shutdown !== undefined && { shutdown }),
    ...(health !== undefined && { health }),
  }
}

/**
 * Creates a single resource without a supervisor. Nothing happens until `initialize()`; what fails stays in ERROR until `close()`.
 *
 * @example
 * await using sessions = createResource(cache, { input: { url } })
 * const client = await sessions.initialize()
 */
export function createResource<Input, Client, Message = never>(
  definition: ResourceDefinition<Input, Client, Message>,
  options: CreateOptions<Input>,
): OwnedResource<Client, Message> {
  return new Owned(definition, options)
}
