import type { MachineActor } from '../actors/machine-actor.ts'
import type { Clock } from '../concurrency/clock.ts'
import { detach } from '../concurrency/detach.ts'
import { type CancelTimer, schedule } from '../concurrency/timer.ts'
import type { ExovisorError } from '../errors.ts'
import type { Environment } from '../resources/environment.ts'
import { pathOf } from '../resources/registry-path.ts'
import { ownerOf } from '../resources/self.ts'
import type { ResourceSelf } from '../resources/types.ts'
import { AutoShutdown } from './auto-shutdown.ts'
import { checkSpecs, faultsError } from './check-specs.ts'
import { Child } from './child.ts'
import type { ChildHost } from './child-host.ts'
import { startWaves } from './dependencies.ts'
import type { DependencyGraph } from './dependency-graph.ts'
import type { EventFacts } from './events/event.ts'
import { EventStream } from './events/stream.ts'
import { SupervisorEvents } from './events/supervisor-events.ts'
import { startInOrder, startInWaves, stopOrder } from './first-starts.ts'
import { PolicyCache } from './policy-cache.ts'
import { Prerequisites } from './prerequisites.ts'
import type { Resting } from './resting.ts'
import { Roster } from './roster.ts'
import { DEFAULT_CONCURRENT_STARTS, StartGate } from './start-gate.ts'
import { strategyNamed } from './strategies/index.ts'
import { type End, isOvertaken, type Strategy, type StrategyHost } from './strategies/strategy.ts'
import { closedError, endedError, escalatedError, gaveUpError, startError } from './supervisor-errors.ts'
import type { AnyChildSpec, StrategyName, SupervisionEvent, SupervisorInput } from './types.ts'
import { RestartWindow } from './window.ts'

const nothing = (): void => undefined
const restartBegan = { type: 'restart.began' }
const restartEnded = { type: 'restart.ended' }

/** The inside of one incarnation of a supervisor: its children, and what it does about their ends. */
export class SupervisorCore implements ChildHost, StrategyHost {
  readonly name: string
  readonly path: string
  readonly environment: Environment
  readonly gate: StartGate
  readonly roster: Roster
  readonly prerequisites: Prerequisites
  readonly #self: ResourceSelf
  readonly #send: ResourceSelf['send']
  readonly #events: SupervisorEvents
  #input: SupervisorInput
  #policies: PolicyCache
  #strategy: Strategy
  #strategyName: StrategyName
  #window: RestartWindow | undefined
  #heldEnds: End[] | undefined
  #lastCommand = 0
  #isListening = false
  #isStopping = false
  #escalation: ExovisorError | undefined
  readonly #autoShutdown = new AutoShutdown(this)

  constructor(self: ResourceSelf, input: SupervisorInput) {
    const { environment } = ownerOf(self)
    this.name = self.name
    this.#self = self
    this.#send = self.send
    this.#input = input
    const { clock, log, events: above = new EventStream({ clock, log }) } = environment
    this.path = pathOf(environment.path ?? '', self.name)
    this.#events = new SupervisorEvents({ supervisor: this.path, clock, log, above })
    this.#listen()
    this.environment = { ...environment, events: this.#events, path: this.path }
    this.roster = new Roster(self.name)
    this.prerequisites = new Prerequisites(this.roster)
    this.gate = new StartGate(input.concurrentStarts ?? DEFAULT_CONCURRENT_STARTS)
    this.#policies = new PolicyCache(input.policies ?? {})
    this.#strategyName = input.strategy ?? 'one_for_one'
    this.#strategy = strategyNamed(this.#strategyName, self.name, this)
    this.#window = input.intensity && new RestartWindow(input.intensity)
  }

  get input(): SupervisorInput {
    return this.#input
  }

  get policies(): PolicyCache {
    return this.#policies
  }

  /** The strategy that decides from now on: a new one as soon as the older one has nothing under way. */
  get strategy(): Strategy {
    const wanted = this.#input.strategy ?? 'one_for_one'
    if (wanted !== this.#strategyName && !this.#strategy.isBusy) {
      this.#strategyName = wanted
      this.#strategy = strategyNamed(wanted, this.name, this)
    }
    return this.#strategy
  }

  get isDynamic(): boolean {
    return this.#input.strategy === 'dynamic'
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  /** True when the end of a significant child has ended it. */
  get hasShutItselfDown(): boolean {
    return this.#autoShutdown.hasHappened
  }

  get actor(): MachineActor {
    return ownerOf(this.#self).actor
  }

  get clock(): Clock {
    return this.environment.clock
  }

  get members(): readonly Child[] {
    return this.roster.all
  }

  get dependencies(): DependencyGraph {
    return this.roster.dependencies
  }

  member(id: string): Child | undefined {
    return this.roster.find(id)
  }

  requirersOf(child: Child): readonly Child[] {
    return this.roster.requirersOf(child)
  }

  /** Starts the children of the input, each after the one before it is READY, or after those it depends on are. All or none. */
  async startAll(signal: AbortSignal): Promise<void> {
    // Cleaning up begins a moment later than closing; no child may start in between.
    const freeze = (): void => this.#freeze('the supervisor is being closed')
    const { work } = ownerOf(this.#self)
    for (const end of [signal, work]) {
      if (end.aborted) freeze()
      end.addEventListener('abort', freeze, { once: true })
    }
    try {
      const children = this.#checked(this.#input.children ?? []).map(spec => this.add(spec))
      const first = children.filter(({ spec }) => spec.start !== false)
      await this.strategy.admit(() => this.#firstStarts(first))
      if (this.#isStopping) throw closedError(this.name)
      this.#autoShutdown.judgeEarly()
    } catch (error) {
      work.removeEventListener('abort', freeze)
      await this.stopAll('a child failed to start')
      throw this.#escalation ?? error
    } finally {
      signal.removeEventListener('abort', freeze)
    }
  }

  /** Stops all children: in the reverse order of their start, one after the other; dynamic ones at one time. No child starts any more. */
  async stopAll(reason: string): Promise<void> {
    this.#freeze(reason)
    const children = this.roster.all
    const stop = async (child: Child): Promise<void> => {
      await child.stop(reason)
      this.environment.registry?.unregister(child)
    }
    if (this.isDynamic) await Promise.all(children.map(stop))
    else for (const child of stopOrder(children, this.dependencies)) await stop(child)
  }

  /** Adds a child that is not started yet. */
  add(spec: AnyChildSpec): Child {
    const known = this.roster.find(spec.id)
    const policy = this.#policies.of(spec)
    const child = new Child(this.#policies.passedTo(spec), policy, this, known)
    // Whatever it was still to do, e.g. when its circuit closes, is void.
    known?.freeze('another one has its place')
    if (known) this.environment.registry?.unregister(known)
    this.roster.add(child)
    this.environment.registry?.register(child)
    return child
  }

  /** The first start of one child, after what is before it. Rejects with an error that names it. */
  async firstStart(child: Child): Promise<void> {
    try {
      await child.firstStart()
    } catch (cause) {
      throw startError(this.name, child, cause)
    }
  }

  onEvent(listener: (event: SupervisionEvent) => void): () => void {
    return this.#events.subscribe(listener)
  }

  /** The last events of a child. */
  historyOf(child: Child): readonly SupervisionEvent[] {
    return this.#events.historyOf(child)
  }

  emit(child: Child, event: EventFacts): void {
    this.#events.emit(child, event)
    this.prerequisites.changed(child)
    if (event.type === 'ready' && child.suspended && child.kind === 'supervisor')
      // A supervisor that is suspended rests in its next incarnation too.
      (child.ref.client as Partial<Resting>).rest?.()
    // A child that failed may stay in ERROR: then nobody waits for it any more.
    if (event.type === 'ready' || event.type === 'failed' || event.type === 'start_error')
      this.#strategy.changed?.()
  }

  ended(child: Child, failure: ExovisorError | undefined): void {
    if (this.#isStopping) return
    this.#ended({ child, failure, after: this.#lastCommand })
  }

  #ended(end: End): void {
    if (this.#heldEnds) this.#heldEnds.push(end)
    else this.strategy.ended(end)
  }

  turnedBack(): void {
    this.#strategy.changed?.()
  }

  nextCommand(): number {
    this.#lastCommand += 1
    return this.#lastCommand
  }

  ignored(child: Child, reason: string): void {
    child.ignore(reason)
    this.#forgetEnded(child)
    this.#strategy.changed?.()
  }

  /** Ends of children wait until `goOn`: nothing is restarted meanwhile. */
  holdOn(): void {
    this.#heldEnds ??= []
  }

  goOn(): void {
    const held = this.#heldEnds ?? []
    this.#heldEnds = undefined
    for (const end of held) if (!isOvertaken(end) && !this.#isStopping) this.#ended(end)
  }

  post(message: () => void): void {
    this.environment.scheduler.post(() => {
      if (!this.#isStopping) message()
    })
  }

  after(ms: number, message: () => void): CancelTimer {
    if (ms > 0) return schedule(this.clock, ms, () => this.post(message))
    // No timer of Node is shorter than a millisecond.
    let due = message
    this.environment.scheduler.post(() => {
      if (!this.#isStopping) due()
    })
    return () => {
      due = nothing
    }
  }

  restarting(_child: Child, began: boolean): void {
    this.#send(began ? restartBegan : restartEnded)
  }

  acceptRestart(child: Child): boolean {
    const now = this.clock.now()
    if (child.directive === 'escalate' || !child.record.allows(now)) return false
    return (this.#window?.accept(now) ?? true) && child.record.accept(now)
  }

  retire(child: Child, failure: ExovisorError | undefined): void {
    const reason = failure ? 'it failed and is not restarted' : 'it has done its work'
    const { command } = child
    child.retire(failure ?? endedError(child), reason)
    // Who heard of it may have started it again.
    if (child.isLast(command)) this.#forgetEnded(child)
    if (child.spec.significant) this.#autoShutdown.ended(child)
  }

  giveUp(child: Child, failure: ExovisorError | undefined): void {
    if (child.directive === 'escalate' && failure) {
      this.#escalate(child, escalatedError(this.name, child, failure))
      return
    }
    const isOwnLimit = !child.record.allows(this.clock.now())
    const { limit, within } = isOwnLimit || !this.#window ? child.windowFill() : this.#window
    const error = gaveUpError(this.name, child, { limit, within }, failure)
    if (isOwnLimit && child.policy.circuit !== 'off') child.openCircuit(error, child.policy.circuit)
    else this.#escalate(child, error)
  }

  /** Ends it, as its significant child has ended. */
  endFor({ id }: Child): void {
    this.#self.end(`its significant child ${JSON.stringify(id)} has ended`)
  }

  /** Stops children one after the other. All are told at once, so that a word that comes meanwhile is a later one. */
  async stopInTurn(children: readonly Child[], reason: (child: Child) => string): Promise<void> {
    const stop = (before: Promise<void> | undefined, child: Child): Promise<void> =>
      this.#stop(child, reason(child), before && (() => before))
    // The place that one of them gives back is not for another one of them.
    await this.gate.whileShut(() => children.reduce<Promise<void> | undefined>(stop, undefined))
  }

  #stop(child: Child, reason: string, before: (() => Promise<void>) | undefined): Promise<void> {
    const isForgotten = child.policy.restart === 'temporary' || this.isDynamic
    return isForgotten ? this.stopAndForget(child, reason, before) : child.stop(reason, 'stopped', before)
  }

  async stopAndForget(child: Child, reason: string, before?: () => Promise<void>): Promise<void> {
    const stopped = child.stop(reason, 'forgotten', before)
    const { command } = child
    await stopped
    // Somebody may have started it again meanwhile.
    if (!child.isLast(command)) return
    this.#forget(child)
  }

  #forget(child: Child): void {
    if (!this.roster.delete(child)) return
    this.#events.forget(child)
    this.environment.registry?.unregister(child)
  }

  /** What holds from now on. Everything in it has been checked. */
  adopt(input: SupervisorInput): void {
    this.#input = input
    this.#listen()
    this.#policies = new PolicyCache(input.policies ?? {})
    this.#window =
      input.intensity && (this.#window?.resized(input.intensity) ?? new RestartWindow(input.intensity))
  }

  /** All that a reload has changed holds: who waits may be waiting for something else now. */
  reloaded(): void {
    if (this.#isStopping) return
    this.prerequisites.related()
    this.gate.limit = this.#input.concurrentStarts ?? DEFAULT_CONCURRENT_STARTS
  }

  /** Tells the listener of the input, whichever it is by then. Without one the events would be made for nobody. */
  #listen(): void {
    if (this.#isListening || !this.#input.onEvent) return
    this.#isListening = true
    this.#events.subscribe(event => this.#input.onEvent?.(event))
  }

  #checked(specs: readonly AnyChildSpec[]): readonly AnyChildSpec[] {
    const faults = checkSpecs(this.#input)
    if (faults.length > 0) throw faultsError(faults, this.name)
    if (this.#input.strategy !== 'dependency_closure') return specs
    const byId = new Map(specs.map(spec => [spec.id, spec]))
    return startWaves(specs).flatMap(wave => wave.flatMap(id => byId.get(id) ?? []))
  }

  #firstStarts(children: readonly Child[]): Promise<void> {
    const start = async (child: Child): Promise<void> => {
      // One whose needs have failed for good meanwhile is not wanted any more.
      if (!this.#isStopping && !child.isToStop) await this.firstStart(child)
    }
    if (this.#input.strategy !== 'dependency_closure') return startInOrder(children, start)
    return startInWaves(children, this.dependencies, async child => {
      await this.prerequisites.met(child)
      await start(child)
    })
  }

  #forgetEnded(child: Child): void {
    if (child.policy.restart === 'temporary' || this.isDynamic) this.#forget(child)
  }

  #escalate(child: Child, error: ExovisorError): void {
    // Before anybody hears of it, so that nothing is started any more.
    this.#freeze(`supervisor ${JSON.stringify(this.name)} gave up`)
    child.giveUp(error)
    detach(this.#fail(error))
  }

  async #fail(error: ExovisorError): Promise<void> {
    this.#escalation = error
    this.#self.send({ type: 'gave_up' })
    await this.stopAll(`supervisor ${JSON.stringify(this.name)} gave up`)
    this.#self.fail(error)
  }

  #freeze(reason: string): void {
    if (this.#isStopping) return
    this.#isStopping = true
    this.prerequisites.cease(closedError(this.name))
    this.#strategy.cease()
    // A child that is frozen gives its place back, which another one waits for.
    this.gate.limit = 0
    for (const child of this.roster.all) child.freeze(reason)
  }
}
