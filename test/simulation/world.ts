import { seededRandom } from '../../src/concurrency/random.ts'
import { ExovisorError } from '../../src/errors.ts'
import { silentLog } from '../../src/resources/log.ts'
import { Registry } from '../../src/resources/registry.ts'
import type { ResourceSelf, StateChange } from '../../src/resources/types.ts'
import type {
  ChildSnapshot,
  SuperviseOptions,
  SupervisionEvent,
  Supervisor,
  SupervisorClient,
} from '../../src/supervision/types.ts'
import { Blueprint } from './blueprint.ts'
import { invariants } from './invariants/index.ts'
import type { Facts, Finding, Invariant } from './invariants/invariant.ts'
import { Ledger, type Life, type Pending, type Post, type Sent } from './ledger.ts'
import { describeEvent, leaveReady, takeBackStops, takeNote } from './notes.ts'
import { OwnTimers } from './own-timers.ts'
import type { Action, LifePlan, Scenario } from './scenario.ts'
import { Spawning } from './spawning.ts'
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

export const outcome = (error: unknown): string =>
  error instanceof ExovisorError ? error.code : `${error instanceof Error ? error.message : String(error)}`

/** Whether a first incarnation may be one of somebody new under an id that was there before. */
const mayBeginAnew = ({ mayBeginAnew: isForeseen, parent, phase }: Post): boolean =>
  isForeseen || (parent?.isDynamic === true && parent.spawning > 0 && phase === 'ended')

/** Nothing is under way in a supervisor: a strategy that was put off until then decides from now on. */
function isCalm({ children }: Post, shown: readonly ChildSnapshot[] | undefined): boolean {
  if (children.some(({ commands }) => commands > 0)) return false
  return (
    shown?.every(
      ({ state, ended, circuit }) =>
        state === 'READY' ||
        state === 'UNINITIALIZED' ||
        (state === 'CLOSED' && ended && circuit === 'closed'),
    ) ?? false
  )
}

/** A supervision tree under simulated time, order and chance, which notes everything and checks each invariant. */
export class World implements Facts {
  readonly scenario: Scenario
  readonly clock = new WarpedClock(error => this.fault('a timer or a turn threw', error))
  readonly scheduler: WatchedScheduler
  readonly timers = new OwnTimers(this.clock)
  readonly blueprint = new Blueprint(this)
  readonly spawning = new Spawning(this)
  readonly ledger = new Ledger()
  readonly trace = new Trace()
  readonly registry = new Registry(silentLog)
  readonly machines: boolean
  readonly faults: string[] = []
  readonly ambushes: Ambush[] = []
  /** Done in the listener that an ambush waited in. */
  perform: (action: Action) => void = () => undefined
  /** The child whose event is being heard, while an ambush is sprung. */
  heard: Post | undefined
  /** How many actions have been done. */
  deeds = 0
  root: Supervisor | undefined
  violation: Violation | undefined
  step = 0
  isHealed = false
  hasSkewed = false
  hasHung = false
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
    return this.clock.pending - this.timers.armed
  }

  get posted(): number {
    return this.scheduler.waiting
  }

  get listeners(): number {
    return this.timers.listeners
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

  /** A step is over. */
  rest(): void {
    this.check(invariant => invariant.rests?.(this))
    for (const post of this.ledger.posts.values())
      if (post.isReshaping && isCalm(post, this.shown(post))) post.isReshaping = false
  }

  /** A command, or somebody who waits: it must settle, once. */
  follow(what: string, work: Promise<unknown>, onSettled: () => void = () => undefined): void {
    const pending: Pending = { what, since: this.time, settled: 0 }
    this.ledger.pending.push(pending)
    const settled = (how: string): void => {
      pending.settled += 1
      this.note(`= ${what}: ${how}`)
      onSettled()
    }
    work.then(
      () => settled('done'),
      error => settled(outcome(error)),
    )
  }

  // What the tree is made of.

  options(): SuperviseOptions {
    const { root, seed } = this.scenario
    return {
      name: 'root',
      ...this.blueprint.input(root),
      clock: this.clock,
      random: seededRandom(seed ^ 0x0ddba11),
      scheduler: this.scheduler,
      onEvent: event => this.hear(event),
      registry: this.registry,
      // Whoever observes sees XState's own interpreter at work in place of the tables.
      ...(this.machines && { inspect: () => undefined }),
    }
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

  /** A life finds that it is not wanted. */
  ignore(life: Life): void {
    life.endedItself = true
    life.self.ignore()
  }

  async behave(life: Life, sent: Sent, signal: AbortSignal): Promise<void> {
    const { self, post } = life
    switch (sent.how) {
      case 'answers':
        return
      case 'answers late':
        return this.timers.pause(1 + ((sent.number * 7919) % 2_000), undefined)
      case 'throws':
        throw new Error(`message ${sent.number} is not understood`)
      case 'never answers':
        return this.timers.forever(signal)
      case 'fails itself':
        return self.fail(new Error(`message ${sent.number} is fatal`))
      case 'degrades itself':
        return self.degrade(new Error(`message ${sent.number} is bad`))
      case 'ends itself':
        return this.end(life, `message ${sent.number} was the last`)
      case 'has itself stopped':
        this.perform({ do: 'stop', id: post.id })
        return this.timers.pause(1, undefined)
    }
  }

  // What supervisors tell.

  hear(event: SupervisionEvent): void {
    const post =
      this.ledger.posts.get(event.name) ?? this.spawning.appears(event.name) ?? this.post(event.name)
    this.note(describeEvent(event))
    // An id that was forgotten begins anew.
    if (event.type === 'started' && event.incarnation === 1) {
      if (mayBeginAnew(post)) post.beginAnew()
      post.followTemplate()
    }
    this.check(invariant => invariant.hears?.(event, post, this))
    takeNote(event, post, this.ledger, this.time)
    if (event.type === 'ready') this.attach()
    this.#spring(event, post)
    // What was stopped by who listens came before the supervisor dealt with the end.
    if (event.type === 'child_terminated') takeBackStops(post)
  }

  #spring({ type }: SupervisionEvent, post: Post): void {
    const index = this.ambushes.findIndex(({ on }) => on === type)
    if (index < 0) return
    const [ambush] = this.ambushes.splice(index, 1)
    this.note(`* ambush at ${type}`)
    const { heard } = this
    this.heard = post
    for (const action of ambush?.actions ?? []) this.perform(action)
    this.heard = heard
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
    const { state, previous } = change
    this.check(invariant => invariant.changes?.(change, post, this))
    post.state = state
    // Who came to listen while it was closing does not know since when.
    if (previous === 'READY') leaveReady(post, this.time)
    if (state === 'CLOSING') {
      post.closingSince = this.time
      post.closesEarly = post.parent?.stopsSince === undefined
    }
    if (state === 'INITIALIZING') post.closingSince = undefined
    if (post.branch && (state === 'CLOSING' || state === 'ERROR')) post.stopsSince ??= this.time
  }
}
