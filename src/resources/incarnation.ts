import { type LifecycleState, lifecycle, lifecycleEvents } from '../../machines/lifecycle.ts'
import { MachineActor, type MachineEvent } from '../actors/machine-actor.ts'
import { deferred } from '../concurrency/deferred.ts'
import { limited } from '../concurrency/limit.ts'
import { type CancelTimer, schedule } from '../concurrency/timer.ts'
import { ExovisorError } from '../errors.ts'
import type { Environment, Timing } from './environment.ts'
import { toFailure } from './failure.ts'
import { HealthMonitor, type HealthRecord } from './health.ts'
import { bindLog } from './log.ts'
import { release } from './release.ts'
import { createSelf } from './self.ts'
import type { ResourceDefinition, ResourceSelf } from './types.ts'

/** One change of state of one incarnation. */
export interface IncarnationChange {
  readonly state: LifecycleState
  readonly previous: LifecycleState
  /** Why, for a change to DEGRADED or ERROR. */
  readonly error?: ExovisorError
}

/** Who created an incarnation hears this of it. */
interface IncarnationListener {
  changed(change: IncarnationChange): void
  /** The cleanup threw, or took longer than its time. */
  cleanupFailed(error: ExovisorError): void
}

/** How an incarnation is created. */
export interface IncarnationOptions<Input, Client, Message> {
  readonly definition: ResourceDefinition<Input, Client, Message>
  readonly name: string
  readonly number: number
  readonly attempt: number
  readonly input: Input
  readonly environment: Environment
  readonly timing: Timing
  readonly parent?: MachineActor | undefined
  readonly listener: IncarnationListener
}

/** The state among the seven that a machine's state value stands for. */
function topState(value: unknown): LifecycleState {
  return (typeof value === 'string' ? value : Object.keys(value as object)[0]) as LifecycleState
}

/** True in the states in which a client is there and messages are handled. */
export const isWorking = (state: LifecycleState): boolean => state === 'READY' || state === 'DEGRADED'

/**
 * One life of a resource: an XState actor that says what state it is in, and the effects that belong to each state.
 * The actor decides what is legal; this class does what a state means and tells the actor what came of it.
 */
export class Incarnation<Input, Client, Message> {
  readonly label: string
  readonly self: ResourceSelf
  readonly #options: IncarnationOptions<Input, Client, Message>
  readonly #health: HealthMonitor
  readonly #initialization = new AbortController()
  readonly #work = new AbortController()
  readonly #closed = deferred<void>()
  #actor: MachineActor
  #state: LifecycleState = 'UNINITIALIZED'
  #client: Client | undefined
  #pending: ExovisorError | undefined
  #failure: ExovisorError | undefined
  #acquired: Promise<Client | undefined> | undefined
  #released: Promise<'closed' | 'shutdown.timeout'> | undefined
  #cancelStartTimer: CancelTimer = () => undefined
  #reason = 'closed'
  #initialized = false
  #ended = false

  constructor(options: IncarnationOptions<Input, Client, Message>) {
    this.#options = options
    this.label = `${options.definition.kind} ${JSON.stringify(options.name)}`
    this.self = createSelf(options.name, this)
    this.#health = this.#createHealth()
    this.#actor = this.#createActor()
  }

  get number(): number {
    return this.#options.number
  }

  get attempt(): number {
    return this.#options.attempt
  }

  get state(): LifecycleState {
    return this.#state
  }

  /** The machine's state value, nested states included. */
  get value(): unknown {
    return this.#actor.value
  }

  /** The live client while READY or DEGRADED. */
  get client(): Client | undefined {
    return isWorking(this.#state) ? this.#client : undefined
  }

  /** Why this incarnation went to ERROR, or to DEGRADED last. */
  get failure(): ExovisorError | undefined {
    return this.#failure
  }

  /** How its health checks went. */
  get lastHealth(): HealthRecord | undefined {
    return this.#health.last
  }

  /** True for a kind that can mend its client in place. */
  get canRecover(): boolean {
    return this.#options.definition.recover !== undefined
  }

  /** True when it ended by itself in the normal way. */
  get ended(): boolean {
    return this.#ended
  }

  get actor(): MachineActor {
    return this.#actor
  }

  get environment(): Environment {
    return this.#options.environment
  }

  /** Aborted, at once, when READY and DEGRADED are over. */
  get work(): AbortSignal {
    return this.#work.signal
  }

  /** Begins to initialise. */
  start(): void {
    this.#actor.start()
    this.#actor.send({ type: 'initialize' })
  }

  fail(error: unknown): void {
    if (this.#state === 'INITIALIZING' || isWorking(this.#state))
      this.#report('fail', toFailure(error, this.label))
  }

  degrade(reason: unknown): void {
    if (this.#state === 'READY') this.#report('degrade', toFailure(reason, this.label, 'is degraded'))
  }

  recovered(): void {
    if (this.#state !== 'DEGRADED') return
    this.#health.reset()
    this.#actor.send({ type: 'recovered' })
  }

  /** The normal end, by its own word. */
  end(reason: string): void {
    if (this.#state !== 'INITIALIZING' && !isWorking(this.#state)) return
    this.#ended = true
    void this.close(reason)
  }

  /**
   * Delivers a domain event of the machine's own.
   * @throws EXO_MESSAGE_UNHANDLED for an event of the lifecycle
   */
  send(event: MachineEvent): void {
    if ((lifecycleEvents as readonly string[]).includes(event.type) || event.type.startsWith('xstate.')) {
      throw new ExovisorError(
        'EXO_MESSAGE_UNHANDLED',
        `${this.label} sent itself ${event.type}, which only the runtime may send; expected an event of its own machine`,
      )
    }
    this.#actor.send(event)
  }

  /** Soft restart: the definition mends the client in place. Rejects when that failed; the state is left as it is then. */
  async recover(): Promise<void> {
    const { definition, environment, timing } = this.#options
    const timeout = timing.startTimeout
    const timeoutError = (): Error =>
      new ExovisorError('EXO_INITIALIZE_TIMEOUT', `${this.label} did not recover within ${timeout} ms`)
    const limit = { clock: environment.clock, timeout, timeoutError, signal: this.#work.signal }
    await limited(limit, async signal => definition.recover?.(this.#client as Client, { signal }))
    this.recovered()
  }

  /** Releases what was acquired. Resolves when CLOSED, whether the cleanup went well or not. */
  close(reason: string): Promise<void> {
    if (this.#state !== 'CLOSING' && this.#state !== 'CLOSED') {
      this.#reason = reason
      if (this.#state === 'UNINITIALIZED') this.#actor.start()
      this.#actor.send({ type: 'close', reason })
    }
    return this.#closed.promise
  }

  #report(type: 'fail' | 'degrade' | 'start.timeout', error: ExovisorError): void {
    this.#pending ??= error
    this.#actor.send({ type, error: { code: error.code, message: error.message } })
  }

  #createActor(from?: { readonly value: string; readonly context: unknown }): MachineActor {
    const { definition, name, number, attempt, environment, parent } = this.#options
    return new MachineActor(from ? lifecycle : definition.machine, {
      id: `${name}#${number}${from ? '!' : ''}`,
      input: { name, kind: definition.kind, incarnation: number, attempt },
      clock: environment.clock,
      parent,
      ...(from && { from }),
      listener: {
        changed: value => this.#changed(topState(value)),
        crashed: error => this.#crashed(error),
        stopped: () => this.#stopped(),
      },
    })
  }

  #createHealth(): HealthMonitor {
    const { definition, environment, timing } = this.#options
    return new HealthMonitor({
      label: this.label,
      policy: timing.health,
      clock: environment.clock,
      check: async signal => definition.checkHealth?.(this.#client as Client, { signal }),
      listener: {
        checked: ok => this.#actor.send({ type: 'health.checked', ok }),
        bad: error => this.degrade(error),
        good: () => {
          if (this.#state === 'DEGRADED') this.#actor.send({ type: 'recovered' })
        },
      },
    })
  }

  #changed(state: LifecycleState): void {
    const previous = this.#state
    if (state === previous) return
    this.#state = state
    const troubled = state === 'ERROR' || state === 'DEGRADED'
    if (troubled) this.#failure = this.#pending
    this.#pending = undefined
    if (isWorking(previous) && !isWorking(state)) this.#leaveWork()
    this.#options.listener.changed({
      state,
      previous,
      ...(troubled && this.#failure && { error: this.#failure }),
    })
    this.#perform(state)
  }

  /** What a state means. */
  #perform(state: LifecycleState): void {
    switch (state) {
      case 'INITIALIZING':
        this.#initialize()
        break
      case 'READY':
      case 'DEGRADED':
        if (state === 'DEGRADED') this.#health.distrust()
        if (this.#options.definition.checkHealth) this.#health.start()
        break
      case 'CLOSING':
        this.#giveUpInitialization(new ExovisorError('EXO_ABORTED', `${this.label} is being closed`))
        void this.#release().then(type => this.#actor.send({ type }))
        break
      case 'CLOSED':
        this.#closed.resolve()
        break
      case 'UNINITIALIZED':
      case 'ERROR':
        break
    }
  }

  #initialize(): void {
    const { definition, name, number, input, environment, timing } = this.#options
    const { clock, random } = environment
    const log = bindLog(environment.log, { kind: definition.kind, resource: name, incarnation: number })
    const { signal } = this.#initialization
    this.#cancelStartTimer = schedule(clock, timing.startTimeout, () => this.#startTimedOut())
    this.#acquired = (async () =>
      definition.initialize({ input, signal, log, self: this.self, clock, random }))().then(
      client => {
        this.#succeed(client)
        return client
      },
      error => {
        this.#cancelStartTimer()
        this.fail(toFailure(error, this.label, 'failed to initialise'))
        return undefined
      },
    )
  }

  #succeed(client: Client): void {
    this.#cancelStartTimer()
    // A late result is not used: it goes to the cleanup, which waits for it.
    if (this.#state !== 'INITIALIZING') return
    this.#client = client
    this.#initialized = true
    this.#actor.send({ type: 'initialized' })
  }

  #startTimedOut(): void {
    const { startTimeout } = this.#options.timing
    const error = new ExovisorError(
      'EXO_INITIALIZE_TIMEOUT',
      `${this.label} did not initialise within ${startTimeout} ms`,
      { details: { startTimeout } },
    )
    this.#report('start.timeout', error)
    this.#giveUpInitialization(error)
  }

  #giveUpInitialization(reason: ExovisorError): void {
    this.#cancelStartTimer()
    if (!this.#initialized) this.#initialization.abort(reason)
  }

  #leaveWork(): void {
    this.#health.stop()
    this.#work.abort(new ExovisorError('EXO_ABORTED', `${this.label} is ${this.#state}`))
  }

  /** Runs the cleanup, the first time it is called. */
  #release(): Promise<'closed' | 'shutdown.timeout'> {
    const { definition, environment, timing, listener } = this.#options
    this.#released ??= release({
      label: this.label,
      clock: environment.clock,
      limit: timing.shutdown,
      acquired: this.#acquired ?? Promise.resolve(undefined),
      cleanup: (client, signal) => definition.cleanup?.(client, { reason: this.#reason, signal }),
      onError: error => listener.cleanupFailed(error),
    })
    return this.#released
  }

  /** The machine itself threw. An actor of the plain lifecycle takes over, so that the rest of the life is an ordinary one. */
  #crashed(cause: unknown): void {
    const { definition, name, number, attempt } = this.#options
    const failure = toFailure(cause, this.label, 'has a machine that threw')
    const closing = this.#released !== undefined
    const context = {
      name,
      kind: definition.kind,
      incarnation: number,
      attempt,
      lastError: { code: failure.code, message: failure.message },
      health: { checks: 0, failed: 0 },
    }
    this.#actor = this.#createActor({ value: closing ? 'CLOSING' : 'ERROR', context })
    this.#pending = failure
    this.#actor.start()
    this.#giveUpInitialization(failure)
    if (closing) void this.#release().then(type => this.#actor.send({ type }))
  }

  /** The actor ended. Unless that was the end of an ordinary life, the parent was lost: release on our own. */
  #stopped(): void {
    if (this.#state === 'CLOSED') return
    this.#reason = 'its supervisor has ended'
    this.#giveUpInitialization(new ExovisorError('EXO_ABORTED', `${this.label} has lost its supervisor`))
    if (this.#acquired) void this.#release()
    this.#changed('CLOSED')
  }
}
