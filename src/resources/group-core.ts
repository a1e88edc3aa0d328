import type { Clock } from '../concurrency/clock.ts'
import { type Deferred, deferred } from '../concurrency/deferred.ts'
import { detach } from '../concurrency/detach.ts'
import { refuseAborted } from '../concurrency/refuse-aborted.ts'
import { watchLimits } from '../concurrency/wait.ts'
import { waitFor } from '../concurrency/wait-for.ts'
import { ExovisorError, toErrorRecord } from '../errors.ts'
import { toFailure } from './failure.ts'
import { checkGroupShape, checkMember, unknownMember } from './group-check.ts'
import { closeMembers } from './group-close.ts'
import { type Obstacle, startError, troubleWith } from './group-failure.ts'
import { Member, type MemberSurroundings } from './group-member.ts'
import type {
  GroupChange,
  GroupShape,
  GroupSnapshot,
  MemberOptions,
  MemberSnapshot,
  ResourceGroup,
} from './group-types.ts'
import { Wave } from './group-wave.ts'
import type { LifecycleState, ResourceDefinition, ResourceRef, WaitOptions } from './types.ts'

const DEFAULT_CONCURRENCY = 16

/** Starts, watches and closes the resources of one group. */
export class GroupCore implements ResourceGroup {
  readonly name: string
  readonly #shape: GroupShape
  readonly #surroundings: MemberSurroundings
  /** In the order of adding, in which each comes after those it depends on. */
  readonly #members = new Map<string, Member>()
  readonly #listeners = new Set<(change: GroupChange) => void>()
  readonly #obstacles: Obstacle[] = []
  readonly #cleanupFailures: ExovisorError[] = []
  #state: LifecycleState = 'UNINITIALIZED'
  #since: number
  #failure: ExovisorError | undefined
  #wave: Wave<Member> | undefined
  /** True once all were READY. */
  #hasStarted = false
  #started: Deferred<void> | undefined
  #emptied: Deferred<void> | undefined
  #closed: Deferred<readonly ExovisorError[]> | undefined

  constructor(name: string, shape: GroupShape, surroundings: MemberSurroundings) {
    checkGroupShape(name, shape)
    this.name = name
    this.#shape = shape
    this.#surroundings = surroundings
    this.#since = this.#clock.now()
  }

  get state(): LifecycleState {
    return this.#state
  }

  get failure(): ExovisorError | undefined {
    return this.#failure
  }

  get cleanupFailures(): readonly ExovisorError[] {
    return [...this.#cleanupFailures]
  }

  async addResource<Input, Client, Message = never>(
    definition: ResourceDefinition<Input, Client, Message>,
    options: MemberOptions<Input>,
  ): Promise<ResourceRef<Client, Message>> {
    if (this.#isEnding) throw this.#closedError()
    const spec = { ...options, resource: definition }
    checkMember(this.name, spec, this.#members)
    const member = new Member(spec, this.#surroundings)
    this.#members.set(member.name, member)
    member.resource.subscribe(() => this.#memberChanged(member))
    if (this.#state === 'INITIALIZING') {
      this.#wave?.add(member)
      await member.resource.ready()
    } else if (this.#state !== 'UNINITIALIZED') {
      await this.#startLater(member)
    }
    return member.resource as unknown as ResourceRef<Client, Message>
  }

  getResource<Input, Client, Message>(
    definition: ResourceDefinition<Input, Client, Message>,
    name: string,
  ): ResourceRef<Client, Message>
  getResource(name: string): ResourceRef<unknown, unknown>
  getResource(...[first, second]: [definition: object, name: string] | [name: string]): unknown {
    if (second === undefined) return this.#member(first as string).resource
    const { definition, resource } = this.#member(second)
    if (definition === first) return resource
    throw new ExovisorError(
      'EXO_CHILD_UNKNOWN',
      `${this.#label}: resource ${JSON.stringify(second)} is made of another definition, of kind ${definition.kind}`,
      { details: { group: this.name, name: second } },
    )
  }

  async removeResource(name: string, reason = 'removed from its group'): Promise<void> {
    const member = this.#member(name)
    const dependants = [...this.#members.values()].filter(other => other.dependsOn.includes(name))
    if (dependants.length > 0) {
      const names = dependants.map(other => other.name).join(', ')
      throw new ExovisorError(
        'EXO_CHILD_SPEC_INVALID',
        `${this.#label}: resource ${JSON.stringify(name)} cannot be removed, because others depend on it: ${names}; expected them to be removed before`,
        { details: { group: this.name, name, dependants: names } },
      )
    }
    await this.#discard(member, reason)
  }

  async initialize(options: WaitOptions = {}): Promise<void> {
    if (this.#started !== undefined) {
      await waitFor(this.#started.promise, this.#clock, this.#startLabel, options)
    } else {
      refuseAborted(options.signal, this.#startLabel)
      if (this.#isEnding) throw this.#closedError()
      this.#started = deferred()
      this.#start(options).then(this.#started.resolve, this.#started.reject)
      await this.#started.promise
    }
    if (this.#closed) throw this.#closedError()
    if (this.#state === 'ERROR' && this.#failure) throw this.#failure
  }

  close(
    reason = 'closed by its owner',
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<readonly ExovisorError[]> {
    if (this.#closed === undefined) {
      this.#closed = deferred()
      detach(this.#close(reason).then(this.#closed.resolve))
    }
    if (signal === undefined) return this.#closed.promise
    const stopWatching = watchLimits(
      this.#clock,
      { signal },
      { timeout: () => undefined, abort: () => this.#closeAtOnce(reason) },
    )
    return this.#closed.promise.finally(stopWatching)
  }

  start(options?: WaitOptions): Promise<void> {
    return this.initialize(options)
  }

  stop(reason?: string, options?: { readonly signal?: AbortSignal }): Promise<readonly ExovisorError[]> {
    return this.close(reason, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Mends the DEGRADED resources in place, one after the other. Rejects at the first that cannot be mended. */
  async recover(): Promise<void> {
    for (const { resource } of this.#members.values()) {
      if (resource.state === 'DEGRADED') await resource.recover()
    }
  }

  subscribe(listener: (change: GroupChange) => void): () => void {
    const own = (change: GroupChange): void => listener(change)
    this.#listeners.add(own)
    return () => {
      this.#listeners.delete(own)
    }
  }

  statuses(): readonly MemberSnapshot[] {
    return Array.from(this.#members.values(), member => member.snapshot())
  }

  snapshot(): GroupSnapshot {
    return {
      kind: 'group',
      name: this.name,
      state: this.#state,
      since: this.#since,
      ...(this.#failure && { lastError: toErrorRecord(this.#failure) }),
      resources: this.statuses(),
      cleanupFailures: this.#cleanupFailures.map(error => toErrorRecord(error)),
    }
  }

  get #clock(): Clock {
    return this.#surroundings.environment.clock
  }

  get #label(): string {
    return `group ${JSON.stringify(this.name)}`
  }

  get #startLabel(): string {
    return `the start of ${this.#label}`
  }

  /** True when nothing may start any more. */
  get #isEnding(): boolean {
    return this.#closed !== undefined || this.#obstacles.length > 0
  }

  #concurrency(order: GroupShape['order']): number {
    return order === 'sequence' ? 1 : (this.#shape.concurrency ?? DEFAULT_CONCURRENCY)
  }

  #member(name: string): Member {
    const member = this.#members.get(name)
    if (member === undefined) throw unknownMember(this.name, name, this.#members)
    return member
  }

  async #start({ timeout, signal }: WaitOptions): Promise<void> {
    const wave = new Wave<Member>(this.#members.values(), {
      limit: this.#concurrency(this.#shape.order),
      isFree: member => member.dependsOn.every(name => this.#members.get(name)?.isWorking),
      run: async ({ resource }) => {
        // Its failure comes as a change of state.
        await resource.initialize().catch(() => undefined)
      },
    })
    this.#wave = wave
    this.#move('INITIALIZING')
    const stopWatching = watchLimits(
      this.#clock,
      { ...(timeout !== undefined && { timeout }), ...(signal && { signal }) },
      {
        timeout: () =>
          this.#giveUp({
            error: new ExovisorError(
              'EXO_READY_TIMEOUT',
              `${this.#startLabel} took longer than ${timeout} ms`,
            ),
          }),
        abort: cause =>
          this.#giveUp({
            error: new ExovisorError('EXO_ABORTED', `${this.#startLabel} was cancelled`, { cause }),
          }),
      },
    )
    while (wave.isBusy) await wave.run()
    stopWatching()
    if (this.#isEnding) return this.#rollBack()
    for (const member of this.#members.values()) member.hasJoined = true
    this.#hasStarted = true
    this.#derive()
  }

  /** The first obstacle begins the roll-back, a turn later: what fails in the same moment is told of as well. */
  #giveUp(obstacle: Obstacle): void {
    this.#obstacles.push(obstacle)
    if (this.#obstacles.length > 1) return
    this.#wave?.stop()
    this.#clock.nextTurn(() => void this.#empty('its group could not start'))
  }

  async #rollBack(): Promise<never> {
    await this.#empty('its group could not start')
    const [first, ...others] = this.#obstacles
    const error = first ? startError(this.name, first, others, this.#cleanupFailures) : this.#closedError()
    if (!this.#closed) this.#move('ERROR', error)
    throw error
  }

  /** Starts a resource of a group that is past its own start. */
  async #startLater(member: Member): Promise<void> {
    try {
      for (const name of member.dependsOn) {
        const other = this.#members.get(name)
        if (!other?.isWorking) await other?.resource.ready()
      }
      await member.resource.initialize()
      member.hasJoined = true
      this.#derive()
    } catch (cause) {
      await this.#discard(member, 'failed to start')
      throw startError(this.name, { member, error: toFailure(cause, member.resource.label) }, [], [])
    }
  }

  async #discard(member: Member, reason: string): Promise<void> {
    member.isLeaving = true
    await this.#closeMember(member, reason)
    this.#members.delete(member.name)
    this.#derive()
  }

  async #closeMember({ resource }: Member, reason: string): Promise<void> {
    await resource.close(reason)
    const { cleanupFailure } = resource
    if (cleanupFailure && !this.#cleanupFailures.includes(cleanupFailure)) {
      this.#cleanupFailures.push(cleanupFailure)
    }
  }

  /** Closes all resources, once. */
  #empty(reason: string): Promise<void> {
    if (this.#emptied === undefined) {
      this.#emptied = deferred()
      const limit = this.#concurrency(this.#shape.closeOrder ?? 'sequence')
      const close = (member: Member): Promise<void> => this.#closeMember(member, reason)
      detach(closeMembers([...this.#members.values()], limit, close).then(this.#emptied.resolve))
    }
    return this.#emptied.promise
  }

  async #close(reason: string): Promise<readonly ExovisorError[]> {
    this.#wave?.stop()
    if (this.#state !== 'UNINITIALIZED') this.#move('CLOSING')
    await this.#empty(reason)
    this.#move('CLOSED')
    return this.cleanupFailures
  }

  #closeAtOnce(reason: string): void {
    for (const { resource } of this.#members.values()) detach(resource.close(reason))
  }

  #memberChanged(member: Member): void {
    if (this.#emptied || member.isLeaving) return
    if (this.#state === 'INITIALIZING' && member.isLost) this.#giveUp({ member, error: member.trouble })
    else this.#derive()
  }

  /** The state that follows from the resources, once the group has started. */
  #derive(): void {
    if (this.#isEnding || !this.#hasStarted) return
    const members = [...this.#members.values()].filter(({ hasJoined, isLeaving }) => hasJoined && !isLeaving)
    const lost = members.find(({ isLost }) => isLost)
    const degraded = members.find(({ resource }) => resource.state === 'DEGRADED')
    if (lost) this.#move('ERROR', troubleWith(this.name, 'lost', lost))
    else if (degraded) this.#move('DEGRADED', troubleWith(this.name, 'is degraded by', degraded))
    else this.#move('READY')
  }

  #move(state: LifecycleState, error?: ExovisorError): void {
    const previous = this.#state
    if (state === previous) return
    this.#state = state
    this.#since = this.#clock.now()
    if (error) this.#failure = error
    for (const listener of [...this.#listeners]) {
      try {
        listener({ state, previous, ...(error && { error }) })
      } catch (cause) {
        const { log } = this.#surroundings.environment
        log.error({ error: toErrorRecord(cause) }, `a subscriber of ${this.#label} threw`)
      }
    }
  }

  #closedError(): ExovisorError {
    const cause = this.#failure
    return new ExovisorError('EXO_RESOURCE_CLOSED', `${this.#label} is closed`, cause && { cause })
  }
}
