import type { InspectionObserver } from '../actors/inspection.ts'
import type { MachineActor } from '../actors/machine-actor.ts'
import { DEFAULT_MAILBOX, type DeadLetter } from '../actors/mailbox.ts'
import { type Clock, realClock } from '../concurrency/clock.ts'
import { type Random, realRandom } from '../concurrency/random.ts'
import { type Scheduler, TurnScheduler } from '../concurrency/scheduler.ts'
import { ExovisorError, toErrorRecord } from '../errors.ts'
import { defaultTiming, type Environment, type Timing } from './environment.ts'
import { Incarnation } from './incarnation.ts'
import { type ResourceLog, silentLog } from './log.ts'
import { Ref } from './ref.ts'
import type { ResourceDefinition, ResourceRef, WaitOptions } from './types.ts'

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
  /** How many messages wait at most. Default: 1000. */
  readonly mailbox?: number
  /** Sees the XState system of this resource. */
  readonly inspect?: InspectionObserver
  /** Where the supervisors among resources report to. */
  report?(event: object): void
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
  implements OwnedResource<Client, Message>
{
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
    const displayName = definition.displayName?.(options.input) ?? options.name ?? definition.kind
    const name = options.name ?? displayName
    const { clock = realClock, log = silentLog, random = realRandom, mailbox = DEFAULT_MAILBOX } = options
    super({
      definition,
      name,
      displayName,
      clock,
      log,
      mailbox,
      onDeadLetter: letter => {
        log.warn(
          { kind: definition.kind, resource: name, reason: letter.reason, count: letter.count },
          'dead letter',
        )
        options.onDeadLetter?.(letter)
      },
    })
    this.#log = log
    const environment: Environment = {
      clock,
      random,
      log,
      scheduler: options.scheduler ?? new TurnScheduler(clock),
      ...(options.report && { report: options.report }),
    }
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
          if (change.state === 'ERROR' && change.error) this.end(change.error)
          if (change.state === 'CLOSED') this.end(this.#closedError())
        },
        cleanupFailed: error => {
          this.#cleanupFailure ??= error
          log.error({ error: toErrorRecord(error) }, error.message)
        },
      },
    })
    this.attach(this.#incarnation)
    if (options.inspect) this.inspect(options.inspect)
  }

  get failure(): ExovisorError | undefined {
    return this.#incarnation.failure
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
