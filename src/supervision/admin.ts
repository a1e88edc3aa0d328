import type { InspectionObserver } from '../actors/inspection.ts'
import { ExovisorError, toErrorRecord } from '../errors.ts'
import type { TraceEvent } from '../resources/trace.ts'
import type { ResourceDefinition, ResourceRef } from '../resources/types.ts'
import { refuseMisfit } from './check-start.ts'
import type { Child } from './child.ts'
import { snapshotOf } from './child-snapshot.ts'
import { type ChildSpecData, checkChildSpec, completeSpec } from './child-spec.ts'
import type { SupervisorCore } from './core.ts'
import { reload } from './reload.ts'
import { closedError, exhaustedError, neededError, strategyError, takenError } from './supervisor-errors.ts'
import type {
  AnyChildSpec,
  ChildCounts,
  ChildSnapshot,
  ChildSpec,
  SupervisionEvent,
  SupervisorClient,
  SupervisorInput,
} from './types.ts'

const DEFAULT_MAX_CHILDREN = 100_000

/** What a supervisor offers to those outside: its children, and commands to them. */
export class SupervisorAdmin implements SupervisorClient {
  /** Not for callers: the inside that this stands before. */
  readonly core: SupervisorCore
  #spawned = 0
  /** Those that were suspended by themselves. */
  readonly #resting = new WeakSet<Child>()
  /** True while the supervisor rests with all below it. */
  #isResting = false

  constructor(core: SupervisorCore) {
    this.core = core
  }

  get name(): string {
    return this.core.name
  }

  ref<Input, Client, Message>(
    definition: ResourceDefinition<Input, Client, Message>,
    id: string,
  ): ResourceRef<Client, Message>
  ref(id: string): ResourceRef<unknown, unknown>
  ref(...[first, second]: [definition: object, id: string] | [id: string]): unknown {
    if (second === undefined) return this.core.roster.get(first as string).ref
    const { spec, ref } = this.core.roster.get(second)
    if (spec.resource === first) return ref
    throw new ExovisorError(
      'EXO_CHILD_UNKNOWN',
      `supervisor ${JSON.stringify(this.name)}: child ${JSON.stringify(second)} is made of another definition, of kind ${spec.resource.kind}`,
    )
  }

  async start<Input, Client, Message>(
    spec: ChildSpec<Input, Client, Message>,
  ): Promise<ResourceRef<Client, Message>> {
    if (this.core.isStopping) throw closedError(this.name)
    if (this.core.isDynamic) throw strategyError(this.name, 'dynamic', 'start', 'use spawn')
    // A spec that cannot be taken is refused at once, even when the start of another one would have to wait.
    this.#check(spec)
    refuseMisfit(this.core, spec)
    const child = await this.core.strategy.admit(() => this.#startAnother(spec))
    return child.ref as unknown as ResourceRef<Client, Message>
  }

  async spawn<Input, Client, Message>(
    definition: ResourceDefinition<Input, Client, Message>,
    input: Input,
    { id = this.#nextId(definition.kind) }: { readonly id?: string } = {},
  ): Promise<ResourceRef<Client, Message>> {
    const { template, maxChildren = DEFAULT_MAX_CHILDREN, strategy = 'one_for_one' } = this.core.input
    if (!this.core.isDynamic || !template) throw strategyError(this.name, strategy, 'spawn', 'use start')
    if (template.resource !== (definition as object))
      throw strategyError(
        this.name,
        strategy,
        `child of kind ${definition.kind}`,
        `its template is of kind ${template.resource.kind}`,
      )
    if (this.core.roster.size >= maxChildren) throw exhaustedError(this.name, maxChildren)
    const spec = { ...template, id, input } as AnyChildSpec
    const child = await this.core.strategy.admit(() => this.#startAnother(spec))
    return child.ref as unknown as ResourceRef<Client, Message>
  }

  async stop(id: string): Promise<void> {
    const child = this.core.roster.get(id)
    // By what the children say of each other now, also while an older strategy has something under way.
    await this.core.stopInTurn([...this.core.requirersOf(child), child], one =>
      one === child ? 'stopped by hand' : `stopped with ${JSON.stringify(id)}, which it needs`,
    )
    this.core.strategy.changed?.()
  }

  async restart(id: string): Promise<void> {
    await this.#restart(this.#restartable(id, 'restart'))
  }

  async reset(id: string): Promise<void> {
    const child = this.#restartable(id, 'reset')
    const restarted = this.#restart(child)
    // After the command: what was to be tried again is not any more.
    child.record.closeCircuit()
    child.ref.forgetError()
    await restarted
  }

  async recover(id: string): Promise<void> {
    const { ref } = this.core.roster.get(id)
    if (ref.state !== 'DEGRADED' || !ref.current)
      throw new ExovisorError(
        'EXO_RESOURCE_FAILED',
        `${ref.label} is ${ref.state}, expected DEGRADED: only that can be mended in place`,
      )
    if (ref.current.canRecover) await ref.current.recover()
    else ref.current.recovered()
  }

  async remove(id: string): Promise<void> {
    const child = this.core.roster.get(id)
    const needed = this.core.dependencies.requirersOf(id)
    if (needed.size > 0) throw neededError(this.name, id, [...needed])
    await this.core.stopAndForget(child, 'removed')
    this.core.strategy.changed?.()
  }

  children(): readonly ChildSnapshot[] {
    return this.core.roster.all.map(snapshotOf)
  }

  child(id: string): ChildSnapshot {
    return snapshotOf(this.core.roster.get(id))
  }

  count(): ChildCounts {
    return this.core.roster.count()
  }

  spec(id: string): ChildSpecData {
    const { spec, policy } = this.core.roster.get(id)
    return completeSpec(spec, policy)
  }

  history(id: string): readonly SupervisionEvent[] {
    return this.core.historyOf(this.core.roster.get(id))
  }

  trace(id: string, listener: (event: TraceEvent) => void): () => void {
    return this.core.roster.get(id).ref.trace(listener)
  }

  suspend(id: string): void {
    const child = this.core.roster.get(id)
    this.#resting.add(child)
    this.#suspend(child)
  }

  resume(id: string): void {
    const child = this.core.roster.get(id)
    this.#resting.delete(child)
    if (!this.#isResting) this.#resume(child)
  }

  /** Not for callers: the supervisor and all below it rest until {@link wake}. */
  rest(): void {
    this.#isResting = true
    this.core.holdOn()
    for (const child of this.core.roster.all) this.#suspend(child)
  }

  /** Not for callers: all go on but those that were suspended by themselves. */
  wake(): void {
    this.#isResting = false
    for (const child of this.core.roster.all) if (!this.#resting.has(child)) this.#resume(child)
    this.core.goOn()
  }

  reload(input: SupervisorInput): void {
    if (this.core.isStopping) throw closedError(this.name)
    reload(this.core, input)
  }

  onEvent(listener: (event: SupervisionEvent) => void): () => void {
    return this.core.onEvent(listener)
  }

  inspect(observer: InspectionObserver): () => void {
    return this.core.actor.inspect(observer, error =>
      this.core.environment.log.error({ error: toErrorRecord(error) }, 'an inspection observer threw'),
    )
  }

  #check(spec: AnyChildSpec): void {
    checkChildSpec(spec, this.name)
    const known = this.core.roster.find(spec.id)
    if (known && !known.isStopped) throw takenError(this.name, known)
  }

  async #startAnother(spec: AnyChildSpec): Promise<Child> {
    if (this.core.isStopping) throw closedError(this.name)
    this.#check(spec)
    const child = this.core.add(spec)
    if (this.#isResting) this.#suspend(child)
    if (spec.start === false) return child
    const { command } = child
    try {
      // Who heard of it may have ended the supervisor.
      if (this.core.isStopping) throw closedError(this.name)
      await this.core.firstStart(child)
    } catch (error) {
      // Somebody may have told it to start again meanwhile.
      if (child.isLast(command)) await this.core.stopAndForget(child, 'failed to start')
      // Others may have waited for it.
      this.core.strategy.changed?.()
      throw error
    }
    return child
  }

  #restartable(id: string, operation: string): Child {
    if (this.core.isStopping) throw closedError(this.name)
    if (this.core.isDynamic)
      throw strategyError(this.name, 'dynamic', operation, 'stop the child and spawn another one')
    return this.core.roster.get(id)
  }

  async #restart(child: Child): Promise<void> {
    const { strategy } = this.core
    await child.restart(strategy.holdWith && (async () => strategy.holdWith?.(child)))
  }

  #suspend(child: Child): void {
    child.ref.suspend()
    this.core.environment.registry?.changed(child)
    child.emit({ type: 'suspended' })
    const { client } = child.ref
    if (client instanceof SupervisorAdmin) client.rest()
  }

  #resume(child: Child): void {
    child.ref.resume()
    this.core.environment.registry?.changed(child)
    child.emit({ type: 'unsuspended' })
    const { client } = child.ref
    if (client instanceof SupervisorAdmin) client.wake()
  }

  #nextId(kind: string): string {
    do this.#spawned += 1
    while (this.core.roster.find(`${kind}-${this.#spawned}`))
    return `${kind}-${this.#spawned}`
  }
}
