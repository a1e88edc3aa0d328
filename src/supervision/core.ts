import { closest } from 'fastest-levenshtein'
import type { InspectionObserver } from '../actors/inspection.ts'
import type { MachineActor } from '../actors/machine-actor.ts'
import type { Clock } from '../concurrency/clock.ts'
import { ExovisorError, toErrorRecord } from '../errors.ts'
import type { Environment } from '../resources/environment.ts'
import { ownerOf } from '../resources/self.ts'
import type { ResourceDefinition, ResourceRef, ResourceSelf } from '../resources/types.ts'
import { checkIntensity } from './check-policy.ts'
import { Child, type ChildEvent, type ChildHost } from './child.ts'
import { checkChildSpec } from './child-spec.ts'
import { logEvent, notify } from './event-log.ts'
import { defaultPolicy, supervisorPolicy } from './policy.ts'
import { resolvePolicy } from './resolve-policy.ts'
import { strategyNamed } from './strategies/index.ts'
import type { Strategy, StrategyHost } from './strategies/strategy.ts'
import type {
  AnyChildSpec,
  ChildSnapshot,
  ChildSpec,
  SupervisionEvent,
  SupervisorClient,
  SupervisorInput,
} from './types.ts'
import { RestartWindow } from './window.ts'

const MOST_NAMED_IDS = 20

/** The inside of one incarnation of a supervisor: its children, and what it does about their ends. */
export class SupervisorCore implements SupervisorClient, ChildHost, StrategyHost {
  readonly name: string
  readonly #self: ResourceSelf
  readonly #input: SupervisorInput
  readonly #strategy: Strategy
  readonly #window: RestartWindow | undefined
  /** In the order of their start. */
  readonly #children = new Map<string, Child>()
  readonly #listeners = new Set<(event: SupervisionEvent) => void>()
  #isStopping = false
  #escalation: ExovisorError | undefined

  constructor(self: ResourceSelf, input: SupervisorInput) {
    this.name = self.name
    this.#self = self
    this.#input = input
    this.#strategy = strategyNamed(input.strategy ?? 'one_for_one', self.name, this)
    if (input.intensity) checkIntensity(input.intensity, `supervisor ${JSON.stringify(self.name)}`)
    this.#window = input.intensity && new RestartWindow(input.intensity)
  }

  get environment(): Environment {
    const { environment } = ownerOf(this.#self)
    return { ...environment, report: event => this.#publish(event as SupervisionEvent) }
  }

  get actor(): MachineActor {
    return ownerOf(this.#self).actor
  }

  get clock(): Clock {
    return ownerOf(this.#self).environment.clock
  }

  get members(): readonly Child[] {
    return [...this.#children.values()]
  }

  /** Starts the children of the input in order, each after the one before it is READY. All or none. */
  async startAll(signal: AbortSignal): Promise<void> {
    const specs = this.#input.children ?? []
    // Cleaning up begins a moment later than closing; no child may start in between.
    for (const end of [signal, ownerOf(this.#self).work]) {
      end.addEventListener('abort', () => this.#freeze('the supervisor is being closed'), { once: true })
    }
    try {
      for (const spec of specs) {
        const twin = this.#children.get(spec.id)
        if (twin) throw this.#takenError(twin)
        this.#add(spec)
      }
      await this.#strategy.admit(() => this.#firstStarts(specs))
      if (this.#isStopping) throw this.#closedError()
    } catch (error) {
      await this.stopAll('a child failed to start')
      throw this.#escalation ?? error
    }
  }

  /** Stops all children in the reverse order of their start, one after the other. No child starts any more. */
  async stopAll(reason: string): Promise<void> {
    this.#freeze(reason)
    for (const child of [...this.#children.values()].reverse()) await child.stop(reason)
  }

  ref<Input, Client, Message>(
    definition: ResourceDefinition<Input, Client, Message>,
    id: string,
  ): ResourceRef<Client, Message>
  ref(id: string): ResourceRef<unknown, unknown>
  ref(...[first, second]: [definition: object, id: string] | [id: string]): unknown {
    if (second === undefined) return this.#child(first as string).ref
    const { spec, ref } = this.#child(second)
    if (spec.resource === first) return ref
    throw new ExovisorError(
      'EXO_CHILD_UNKNOWN',
      `supervisor ${JSON.stringify(this.name)}: child ${JSON.stringify(second)} is made of another definition, of kind ${spec.resource.kind}`,
    )
  }

  async start<Input, Client, Message>(
    spec: ChildSpec<Input, Client, Message>,
  ): Promise<ResourceRef<Client, Message>> {
    if (this.#isStopping) throw this.#closedError()
    // A spec that cannot be taken is refused at once, even when the start of another one would have to wait.
    this.#check(spec)
    const child = await this.#strategy.admit(() => this.#startAnother(spec))
    return child.ref as unknown as ResourceRef<Client, Message>
  }

  async stop(id: string): Promise<void> {
    const child = this.#child(id)
    if (child.policy.restart === 'temporary') await this.stopAndForget(child, 'stopped by hand')
    else await child.stop('stopped by hand')
  }

  async restart(id: string): Promise<void> {
    if (this.#isStopping) throw this.#closedError()
    await this.#child(id).restart()
  }

  async remove(id: string): Promise<void> {
    await this.stopAndForget(this.#child(id), 'removed')
  }

  children(): readonly ChildSnapshot[] {
    return Array.from(this.#children.values(), child => child.snapshot())
  }

  onEvent(listener: (event: SupervisionEvent) => void): () => void {
    const own = (event: SupervisionEvent): void => listener(event)
    this.#listeners.add(own)
    return () => {
      this.#listeners.delete(own)
    }
  }

  inspect(observer: InspectionObserver): () => void {
    return this.actor.inspect(observer, error =>
      this.environment.log.error({ error: toErrorRecord(error) }, 'an inspection observer threw'),
    )
  }

  emit(child: Child, { error, ...event }: ChildEvent): void {
    const { clock, log } = this.environment
    const complete: SupervisionEvent = {
      incarnation: child.ref.incarnation,
      ...event,
      at: clock.now(),
      supervisor: this.name,
      name: child.id,
      kind: child.ref.kind,
      attempt: child.attempt,
      window: child.windowFill(),
      ...(error && { error: toErrorRecord(error) }),
    }
    logEvent(log, complete)
    this.#publish(complete)
  }

  ended(child: Child, failure: ExovisorError | undefined): void {
    if (!this.#isStopping) this.#strategy.ended(child, failure)
  }

  post(message: () => void): void {
    queueMicrotask(() => {
      if (!this.#isStopping) message()
    })
  }

  restarting(_child: Child, began: boolean): void {
    this.#self.send({ type: began ? 'restart.began' : 'restart.ended' })
  }

  acceptRestart(child: Child): boolean {
    const now = this.environment.clock.now()
    if (!child.window.allows(now)) return false
    return (this.#window?.accept(now) ?? true) && child.window.accept(now)
  }

  retire(child: Child, failure: ExovisorError | undefined): void {
    const reason = failure ? 'it failed and is not restarted' : 'it has done its work'
    const { command } = child
    child.retire(failure ?? this.#endedError(child), reason)
    // Who listens to events may have started it again.
    if (command === child.command && child.policy.restart === 'temporary') this.#forget(child)
  }

  giveUp(child: Child, failure: ExovisorError | undefined): void {
    const { limit, within } =
      child.window.allows(this.environment.clock.now()) && this.#window ? this.#window : child.window
    const error = new ExovisorError(
      'EXO_INTENSITY_EXCEEDED',
      `supervisor ${JSON.stringify(this.name)} gave up on ${child.ref.label}: it needed more than ${limit} restarts within ${within} ms; the last failure: ${failure?.message ?? 'none, it ended'}`,
      { cause: failure, details: { supervisor: this.name, id: child.id, restarts: limit, within } },
    )
    // First of all, so that who listens to events cannot start anything any more.
    this.#freeze(`supervisor ${JSON.stringify(this.name)} gave up`)
    child.giveUp(error)
    void this.#escalate(error)
  }

  async stopAndForget(child: Child, reason: string): Promise<void> {
    const stopped = child.stop(reason)
    const { command } = child
    await stopped
    // A later command may have started it again.
    if (command === child.command) this.#forget(child)
  }

  #forget(child: Child): void {
    if (this.#children.get(child.id) === child) this.#children.delete(child.id)
  }

  async #escalate(error: ExovisorError): Promise<void> {
    this.#escalation = error
    this.#self.send({ type: 'gave_up' })
    await this.stopAll(`supervisor ${JSON.stringify(this.name)} gave up`)
    this.#self.fail(error)
  }

  #freeze(reason: string): void {
    if (this.#isStopping) return
    this.#isStopping = true
    this.#strategy.cease()
    for (const child of this.#children.values()) child.freeze(reason)
  }

  #check(spec: AnyChildSpec): void {
    checkChildSpec(spec, this.name)
    const known = this.#children.get(spec.id)
    if (known && !known.isStopped) throw this.#takenError(known)
  }

  #add(spec: AnyChildSpec): Child {
    this.#check(spec)
    const known = this.#children.get(spec.id)
    const isSupervisor = spec.resource.kind === 'supervisor'
    const policies = this.#input.policies ?? {}
    const { kind } = spec.resource
    const table = resolvePolicy(
      { id: spec.id, kind, policy: spec.policy },
      policies,
      isSupervisor ? supervisorPolicy : defaultPolicy,
    )
    const policy = spec.restart ? { ...table, restart: spec.restart } : table
    const input = isSupervisor ? { policies, ...(spec.input as SupervisorInput) } : spec.input
    const child = new Child({ ...spec, input }, policy, this, known)
    this.#children.delete(spec.id)
    this.#children.set(spec.id, child)
    return child
  }

  #child(id: string): Child {
    const child = this.#children.get(id)
    if (child) return child
    const ids = [...this.#children.keys()]
    const near =
      ids.length > 0 && typeof id === 'string' ? `, did you mean ${JSON.stringify(closest(id, ids))}?` : ''
    const shown = ids.slice(0, MOST_NAMED_IDS).join(', ') || 'none'
    throw new ExovisorError(
      'EXO_CHILD_UNKNOWN',
      `supervisor ${JSON.stringify(this.name)} has no child ${JSON.stringify(id)}${near} It has: ${shown}`,
      { details: { supervisor: this.name, id } },
    )
  }

  async #startAnother(spec: AnyChildSpec): Promise<Child> {
    if (this.#isStopping) throw this.#closedError()
    const child = this.#add(spec)
    if (spec.start !== false) {
      const { command } = child
      await this.#firstStart(child).catch(async (error: unknown) => {
        // Somebody else's word may have ended the start, and decides what comes next.
        if (command === child.command) await this.stopAndForget(child, 'failed to start')
        throw error
      })
    }
    return child
  }

  async #firstStarts(specs: readonly AnyChildSpec[]): Promise<void> {
    for (const { id, start } of specs) {
      if (this.#isStopping) break
      if (start !== false) await this.#firstStart(this.#child(id))
    }
  }

  /** Names the child in the error, and keeps the code of the cause. */
  async #firstStart(child: Child): Promise<void> {
    try {
      await child.firstStart()
    } catch (cause) {
      const failure = cause instanceof ExovisorError ? cause : undefined
      throw new ExovisorError(
        failure?.code ?? 'EXO_RESOURCE_FAILED',
        `supervisor ${JSON.stringify(this.name)} could not start ${child.ref.label}: ${failure?.message ?? String(cause)}`,
        { cause, details: { ...failure?.details, supervisor: this.name, id: child.id } },
      )
    }
  }

  #publish(event: SupervisionEvent): void {
    const { log, report } = ownerOf(this.#self).environment
    if (this.#input.onEvent) notify(log, this.#input.onEvent, event)
    for (const listener of [...this.#listeners]) notify(log, listener, event)
    if (report) notify(log, report, event)
  }

  #takenError({ id, ref }: Child): ExovisorError {
    return new ExovisorError(
      'EXO_CHILD_SPEC_INVALID',
      `supervisor ${JSON.stringify(this.name)} has a child ${JSON.stringify(id)} already, which is ${ref.state}; expected another id`,
      { details: { supervisor: this.name, id } },
    )
  }

  #endedError(child: Child): ExovisorError {
    return new ExovisorError(
      'EXO_RESOURCE_CLOSED',
      `${child.ref.label} has ended in the normal way and is not restarted`,
    )
  }

  #closedError(): ExovisorError {
    return new ExovisorError('EXO_RESOURCE_CLOSED', `supervisor ${JSON.stringify(this.name)} is being closed`)
  }
}
