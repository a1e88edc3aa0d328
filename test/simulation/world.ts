import { getEventListeners } from 'node:events'
import { seededRandom } from '../../src/concurrency/random.ts'
import { silentLog } from '../../src/resources/log.ts'
import { Registry } from '../../src/resources/registry.ts'
import type { ResourceSelf, StateChange } from '../../src/resources/types.ts'
import { childSpec } from '../../src/supervision/child-spec.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import type {
  AnyChildSpec,
  ChildSnapshot,
  SuperviseOptions,
  SupervisionEvent,
  Supervisor,
  SupervisorClient,
  SupervisorInput,
} from '../../src/supervision/types.ts'
import { invariants } from './invariants/index.ts'
import type { Facts, Finding, Invariant } from './invariants/invariant.ts'
import { type LeafDefinition, leafDefinition } from './leaf.ts'
import { Ledger, type Life, type Post, type Sent } from './ledger.ts'
import { describeEvent, leaveReady, takeBackStops, takeNote } from './notes.ts'
import type { Action, BranchPlan, LifePlan, Scenario } from './scenario.ts'
import { Trace } from './trace.ts'
import { WarpedClock } from './warped-clock.ts'
import { WatchedScheduler } from './watched-scheduler.ts'

/** An invariant that did not hold. */
export interface Violation {
  readonly invariant: string
  readonly step: number
  readonly time: number
  readonly text: string
}

interface Ambush {
  readonly on: SupervisionEvent['type']
  readonly actions: readonly Action[]
}

const wellBehaved: LifePlan = {
  start: 'ok',
  startAfter: 0,
  hops: 0,
  heedsAbort: true,
  cleanup: 'ok',
  cleanupAfter: 0,
  recover: 'ok',
  turns: [],
}

/** A supervision tree under simulated time, order and chance, which notes everything and checks each invariant. */
export class World implements Facts {
  readonly scenario: Scenario
  readonly clock = new WarpedClock(error => this.fault('a timer or a turn threw', error))
  readonly scheduler: WatchedScheduler
  readonly ledger = new Ledger()
  readonly trace = new Trace()
  readonly registry = new Registry(silentLog)
  readonly machines: boolean
  readonly faults: string[] = []
  readonly ambushes: Ambush[] = []
  /** Done in the listener that an ambush waited in. */
  perform: (action: Action) => void = () => undefined
  root: Supervisor | undefined
  violation: Violation | undefined
  step = 0
  isHealed = false
  hasSkewed = false
  hasHung = false
  /** Those that callers gave. */
  readonly #signals: AbortSignal[] = []
  #ownTimers = 0
  readonly #attached = new WeakSet<object>()

  constructor(scenario: Scenario, machines: boolean) {
    this.scenario = scenario
    this.machines = machines
    this.scheduler = new WatchedScheduler(this.clock, seededRandom(scenario.seed ^ 0x5ca1ab1e))
    this.ledger.add(scenario.root, undefined)
    for (const child of this.post('root').children) child.renew(1)
  }

  get time(): number {
    return this.clock.time
  }

  get reading(): number {
    return this.clock.now()
  }

  get kernelTimers(): number {
    return this.clock.pending - this.#ownTimers
  }

  get ownTimers(): number {
    return this.#ownTimers
  }

  get posted(): number {
    return this.scheduler.waiting
  }

  get listeners(): number {
    return this.#signals.reduce((sum, signal) => sum + getEventListeners(signal, 'abort').length, 0)
  }

  /** A signal as callers give it, aborted after a while or never. */
  signal(abortAfter?: number): AbortSignal {
    const controller = new AbortController()
    this.#signals.push(controller.signal)
    if (abortAfter !== undefined) this.later(abortAfter, () => controller.abort())
    return controller.signal
  }

  post(id: string): Post {
    const post = this.ledger.posts.get(id)
    if (post === undefined) throw new Error(`the world has no ${id}`)
    return post
  }

  note(text: string): void {
    this.trace.note(this.time, text)
  }

  fault(what: string, error: unknown): void {
    this.faults.push(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }

  /** Runs one kind of check of all invariants. The first finding of a world is kept. */
  check(ask: (invariant: Invariant) => Finding): void {
    if (this.violation) return
    for (const invariant of invariants) {
      const text = ask(invariant)
      if (text === undefined) continue
      this.violation = { invariant: invariant.name, step: this.step, time: this.time, text }
      this.note(`!! ${invariant.name}: ${text}`)
      return
    }
  }

  // What the tree is made of.

  options(): SuperviseOptions {
    const { root, seed } = this.scenario
    return {
      name: 'root',
      ...this.#input(root),
      clock: this.clock,
      random: seededRandom(seed ^ 0x0ddba11),
      scheduler: this.scheduler,
      onEvent: event => this.hear(event),
      registry: this.registry,
      // Whoever observes sees XState's own interpreter at work in place of the tables.
      ...(this.machines && { inspect: () => undefined }),
    }
  }

  spec(post: Post, plan = post.plan): AnyChildSpec {
    const { branch, leaf } = post
    const { id, restart, policy } = plan
    if (branch) {
      const { dependsOn } = branch
      const input = this.#input(branch)
      return childSpec({
        id,
        resource: supervisorResource,
        input,
        policy,
        restart,
        ...(dependsOn && { dependsOn }),
      })
    }
    return childSpec({
      id,
      resource: this.definition(post),
      input: {},
      policy,
      restart,
      start: leaf?.start ?? true,
      mailbox: leaf?.mailbox ?? 1,
      significant: leaf?.significant ?? false,
      ...(leaf?.dependsOn && { dependsOn: leaf.dependsOn }),
      ...(leaf?.after && { after: leaf.after }),
      ...(leaf?.requires && { requires: leaf.requires }),
    })
  }

  #input(branch: BranchPlan): SupervisorInput {
    const { strategy, intensity, autoShutdown, concurrentStarts } = branch
    return {
      strategy,
      children: this.#specs(branch),
      ...(intensity && { intensity }),
      ...(autoShutdown && { autoShutdown }),
      ...(concurrentStarts && { concurrentStarts }),
    }
  }

  readonly #definitions = new Map<Post, LeafDefinition>()

  definition(post: Post): LeafDefinition {
    const known = this.#definitions.get(post)
    if (known) return known
    if (!post.leaf) throw new Error(`${post.id} is no leaf`)
    const made = leafDefinition(this, post, post.leaf)
    this.#definitions.set(post, made)
    return made
  }

  #specs({ children }: BranchPlan): readonly AnyChildSpec[] {
    // Whatever was reloaded: a supervisor that is started again begins with what it was made of.
    return children.map(child => this.spec(this.post(child.id), child))
  }

  /** The supervisor of that id, while it is READY. */
  client(branch: Post): SupervisorClient | undefined {
    if (branch.parent === undefined) return this.root
    const ref = this.ref(branch)
    return ref?.client as SupervisorClient | undefined
  }

  ref(post: Post) {
    const client = post.parent && this.client(post.parent)
    if (client === undefined || !client.children().some(({ id }) => id === post.id)) return undefined
    return client.ref(post.id)
  }

  shown(branch: Post): readonly ChildSnapshot[] | undefined {
    return this.client(branch)?.children()
  }

  // What the effects of leaves tell and ask.

  begin(post: Post, self: ResourceSelf): Life {
    const plan = this.isHealed ? wellBehaved : (post.leaf?.lives[post.lives.length] ?? wellBehaved)
    const life: Life = {
      post,
      epoch: post.epoch,
      incarnation: self.incarnation,
      self,
      plan,
      begun: this.time,
      settled: false,
      endedItself: false,
      hasClient: false,
      cleanups: 0,
      cleaned: false,
      leftBehind: false,
      handling: undefined,
      checks: 0,
      mending: 0,
    }
    post.lives.push(life)
    this.note(`${post.id}#${self.incarnation} initialises: ${plan.start}`)
    this.check(invariant => invariant.begins?.(life, this))
    return life
  }

  clean(life: Life): void {
    this.note(`${life.post.id}#${life.incarnation} cleans up: ${life.plan.cleanup}`)
    this.check(invariant => invariant.cleans?.(life, this))
    life.cleanups += 1
  }

  examine(life: Life, what: 'check' | 'soft restart'): void {
    this.check(invariant => invariant.examines?.(life, this, what))
  }

  handle(life: Life, sent: Sent): void {
    this.note(`${life.post.id}#${life.incarnation} handles ${sent.number}: ${sent.how}`)
    this.check(invariant => invariant.handles?.(sent, life, this))
    sent.deliveries += 1
    life.handling = sent.number
  }

  /** A life ends in the normal way. */
  end(life: Life, reason: string): void {
    life.endedItself = true
    life.self.end(reason)
  }

  async behave(life: Life, sent: Sent, signal: AbortSignal): Promise<void> {
    const { self, post } = life
    switch (sent.how) {
      case 'answers':
        return
      case 'answers late':
        return this.pause(1 + ((sent.number * 7919) % 2_000), undefined)
      case 'throws':
        throw new Error(`message ${sent.number} is not understood`)
      case 'never answers':
        return this.forever(signal)
      case 'fails itself':
        return self.fail(new Error(`message ${sent.number} is fatal`))
      case 'degrades itself':
        return self.degrade(new Error(`message ${sent.number} is bad`))
      case 'ends itself':
        return this.end(life, `message ${sent.number} was the last`)
      case 'has itself stopped':
        this.perform({ do: 'stop', id: post.id })
        return this.pause(1, undefined)
    }
  }

  /** A time that passes in the world. Rejects at once when the signal is aborted. */
  pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const abort = (): void => {
        cancel()
        reject(signal?.reason)
      }
      const cancel = this.later(ms, () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      })
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  forever(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((_, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }

  /** A timer of the world's own: no timer of the kernel. */
  later(ms: number, fn: () => void): () => void {
    this.#ownTimers += 1
    let armed = true
    const disarm = (): boolean => {
      const was = armed
      armed = false
      if (was) this.#ownTimers -= 1
      return was
    }
    const handle = this.clock.setTimeout(() => {
      if (disarm()) fn()
    }, ms)
    return () => {
      if (disarm()) this.clock.clearTimeout(handle)
    }
  }

  // What supervisors tell.

  hear(event: SupervisionEvent): void {
    const post = this.post(event.name)
    this.note(describeEvent(event))
    // An id that was forgotten begins anew.
    if (event.type === 'started' && event.incarnation === 1 && post.mayBeginAnew) post.beginAnew()
    this.check(invariant => invariant.hears?.(event, post, this))
    takeNote(event, post, this.ledger, this.time)
    if (event.type === 'ready') this.attach()
    this.#spring(event)
    // What was stopped by who listens came before the supervisor dealt with the end.
    if (event.type === 'child_terminated') takeBackStops(post)
  }

  #spring({ type }: SupervisionEvent): void {
    const index = this.ambushes.findIndex(({ on }) => on === type)
    if (index < 0) return
    const [ambush] = this.ambushes.splice(index, 1)
    this.note(`* ambush at ${type}`)
    for (const action of ambush?.actions ?? []) this.perform(action)
  }

  /** Subscribes to every child that can be reached and was not reached before. */
  attach(branch = this.post('root')): void {
    const client = this.client(branch)
    if (client === undefined) return
    for (const { id } of client.children()) {
      const post = this.post(id)
      const ref = client.ref(id)
      if (!this.#attached.has(ref)) {
        this.#attached.add(ref)
        const { epoch } = post
        ref.subscribe(change => {
          if (post.epoch === epoch) this.#changed(change, post)
        })
      }
      if (post.branch) this.attach(post)
    }
  }

  #changed(change: StateChange, post: Post): void {
    const { state } = change
    this.check(invariant => invariant.changes?.(change, post, this))
    post.state = state
    if (state !== 'READY') leaveReady(post, this.time)
    if (state === 'CLOSING') {
      post.closingSince = this.time
      post.closesEarly = post.parent?.stopsSince === undefined
    }
    if (state === 'INITIALIZING') post.closingSince = undefined
    if (post.branch && (state === 'CLOSING' || state === 'ERROR')) post.stopsSince ??= this.time
  }
}
