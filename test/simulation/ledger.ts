import type { LifecycleState } from '../../machines/lifecycle.ts'
import type { ResourceSelf } from '../../src/resources/types.ts'
import type { Directive, RestartType } from '../../src/supervision/policy.ts'
import type { StrategyName, SupervisionEvent } from '../../src/supervision/types.ts'
import {
  type BranchPlan,
  type Handling,
  isBranch,
  type LeafPlan,
  type LifePlan,
  type NodePlan,
} from './scenario.ts'

/** Where a child is, as far as events tell. */
export type Phase = 'none' | 'started' | 'ready' | 'degraded' | 'failed' | 'ended'

/** One incarnation of a leaf, as its own effects saw it. */
export interface Life {
  readonly post: Post
  readonly epoch: number
  readonly incarnation: number
  readonly self: ResourceSelf
  readonly plan: LifePlan
  readonly begun: number
  /** `initialize` has settled. */
  settled: boolean
  /** It called its own `end` or `ignore`. */
  endedItself: boolean
  /** `initialize` went well, as far as the leaf knows. */
  hasClient: boolean
  cleanups: number
  /** `cleanup` has ended. */
  cleaned: boolean
  /** The supervisor said that it waits no longer. */
  leftBehind: boolean
  /** The message in hand. */
  handling: number | undefined
  checks: number
  mending: number
}

/** Nothing of it runs any more, or nobody waits for what does. */
export const isOver = (life: Life): boolean => life.cleaned || life.leftBehind

/** An accepted restart, by the readings of the clock: it was accepted between the end that caused it and its announcement. */
export interface Restart {
  readonly ended: number
  readonly announced: number
}

/** One child id in the whole world, through all incarnations of its supervisor. */
export class Post {
  plan: NodePlan
  /** What a new incarnation of its supervisor begins with, whatever was reloaded. */
  readonly #original: NodePlan
  readonly parent: Post | undefined
  readonly lives: Life[] = []
  /** Counts the incarnations of the parent: numbers of incarnations begin anew with each. */
  epoch = 0
  incarnation = 0
  phase: Phase = 'none'
  /** The last state that a subscriber was told. */
  state: LifecycleState | undefined
  closingSince: number | undefined
  /** The closing under way began before that of the supervisor. */
  closesEarly = false
  /** The last word of an administrator in this epoch, if nothing was under way when it came. */
  word: 'stop' | 'start' | undefined
  /** Commands for this child that have not settled. */
  commands = 0
  /** How many of them start it again under its id. */
  starting = 0
  /** Somebody suspended it; undefined when nobody can know. */
  suspended: boolean | undefined = false
  /** What the policy said of its last failure. */
  directive: Directive | undefined
  /** Its next start is the one try of an open circuit. */
  isTried = false
  /** It came back by the one try of an open circuit, and no group has been stopped since. */
  isBesideGroup = false
  /** It has been READY since its supervisor started. */
  wasReady = false
  /** Somebody stopped it since its supervisor started, or it ended without its policy being asked. */
  wasStopped = false
  /** Its accepted restarts. */
  restarts: Restart[] = []
  /** When its last incarnation ended, as events gave it. */
  endedAt = 0
  /** The last incarnation had failed before it ended. */
  hasFailed = false
  /** The true time at which an announced restart is due. */
  dueAt: number | undefined
  /** Restarts in a row, as announced. */
  attempts = 0
  /** An administrator may have begun a new count. */
  attemptsAreUnknown = false
  /** The true time since when it is READY without a break. */
  readySince: number | undefined
  /** It may have been started again under its id, which begins a new count of restarts. */
  isUncertain = false
  /** It was started again under its id: the numbers of its incarnations begin anew if it had been forgotten. */
  mayBeginAnew = false
  /** Grows from sibling to sibling in the order of starts; unknown for one that was started again under its id. */
  order: number | undefined
  /** For a branch: something of an older incarnation may still run beside the current one. */
  isBlurred = false
  /** For a branch: when it began to stop its children. */
  stopsSince: number | undefined
  /** For a branch: the restarts that it has accepted. */
  spent: Restart[] = []
  /** For a branch: a reload has changed its strategy, and the older one may have something under way. */
  isReshaping = false
  /** For a branch: the reading of the clock when a reload last changed its intensity. */
  resizedAt: number | undefined
  /** For a branch: calls of spawn that have not settled. */
  spawning = 0
  /** For a branch: how many children it may have now, those that were there when a reload made it less included. */
  room = 0
  /** The restart types that have held since its last end. */
  restartTypes: ReadonlySet<RestartType>
  /** It was there when its supervisor began. */
  readonly isStatic: boolean
  readonly #firstOrder: number
  isReordered = false
  #shape: BranchPlan | undefined
  readonly children: Post[] = []

  constructor(plan: NodePlan, parent: Post | undefined, order: number) {
    this.plan = plan
    this.restartTypes = new Set([plan.restart])
    this.isStatic = parent?.branch?.children.includes(plan) ?? false
    this.#firstOrder = order
    this.#original = plan
    this.parent = parent
    this.order = order
    parent?.children.push(this)
  }

  get id(): string {
    return this.plan.id
  }

  /** What it is now as a supervisor, after reloads. */
  get branch(): BranchPlan | undefined {
    return this.#shape ?? (isBranch(this.plan) ? this.plan : undefined)
  }

  /** The strategy that decides; undefined while the one before a reload may have something under way. */
  get strategy(): StrategyName | undefined {
    return this.isReshaping ? undefined : this.branch?.strategy
  }

  /** True when a reload has changed it since it began. */
  get hasAnotherShape(): boolean {
    return this.#shape !== undefined
  }

  get isDynamic(): boolean {
    return this.branch?.strategy === 'dynamic'
  }

  /** A reload gives it another shape, for this incarnation. */
  reshape(shape: BranchPlan): void {
    this.#shape = shape
  }

  /** A new incarnation of this supervisor begins, with what its spec says. */
  beginAsPlanned(): void {
    this.#shape = undefined
    this.isReshaping = false
    this.resizedAt = undefined
    this.room = 0
    this.spent = []
    for (const child of this.children) {
      child.renew(child.epoch + 1)
      if (child.isReordered) child.order = child.#firstOrder
      child.isReordered = false
    }
  }

  /** The order that its supervisor stops its children in, after a reload. */
  reorder(ids: readonly string[]): void {
    for (const child of this.children) {
      const index = ids.indexOf(child.id)
      child.isReordered = true
      child.order = index < 0 || child.starting > 0 ? undefined : index
    }
  }

  get leaf(): LeafPlan | undefined {
    return isBranch(this.plan) ? undefined : this.plan
  }

  /** Ids of siblings that it starts after. */
  get startsAfter(): readonly string[] {
    return [...(this.plan.dependsOn ?? []), ...(this.leaf?.after ?? [])]
  }

  /** Those that are restarted and stopped with it, directly or not, by way of those that its supervisor still knows. */
  requirersAmong(known: ReadonlySet<string>): readonly Post[] {
    const found = new Set<Post>()
    const siblings = this.parent?.children.filter(({ id }) => known.has(id)) ?? []
    const visit = (id: string): void => {
      for (const other of siblings) {
        const needs = [...(other.plan.dependsOn ?? []), ...(other.leaf?.requires ?? [])]
        if (found.has(other) || !needs.includes(id)) continue
        found.add(other)
        visit(other.id)
      }
    }
    visit(this.id)
    return [...found]
  }

  get life(): Life | undefined {
    return this.lives.at(-1)
  }

  /** It was forgotten and is started again: its numbers begin anew. */
  beginAnew(): void {
    const { plan, wasStopped, word } = this
    // A stop or a restart that is under way reaches the new one.
    const isCommanded = this.commands > this.starting
    this.renew(this.epoch + 1)
    this.wasStopped = wasStopped && isCommanded
    if (isCommanded && word === 'start') this.word = word
    this.plan = plan
    this.restartTypes = new Set([plan.restart])
    this.suspended = undefined
  }

  /** It is spawned: what its supervisor's template says by then holds for it. */
  followTemplate(): void {
    const { leaf, parent } = this
    const template = parent?.branch?.template
    if (!leaf || !template) return
    this.plan = { ...template, id: leaf.id, lives: leaf.lives }
    this.restartTypes = new Set([template.restart])
  }

  /** A new incarnation of the parent begins. */
  renew(epoch: number): void {
    this.plan = this.#original
    this.restartTypes = new Set([this.plan.restart])
    this.epoch = epoch
    this.incarnation = 0
    this.phase = 'none'
    this.state = undefined
    this.closingSince = undefined
    this.word = undefined
    this.wasReady = false
    this.suspended = this.parent?.suspended === false ? false : undefined
    this.directive = undefined
    this.isTried = false
    this.isBesideGroup = false
    this.wasStopped = false
    this.restarts = []
    this.dueAt = undefined
    this.attempts = 0
    this.attemptsAreUnknown = false
    this.readySince = undefined
    this.isUncertain = false
    this.mayBeginAnew = this.starting > 0
  }
}

/** A message that was sent. */
export interface Sent {
  readonly number: number
  readonly post: Post
  readonly how: Handling
  readonly isAsk: boolean
  readonly sentAt: number
  /** The true time at which an ask must have settled. */
  readonly deadline: number
  deliveries: number
  settled: number
}

/** A command of an administrator, or somebody who waits for a child. */
export interface Pending {
  readonly what: string
  readonly since: number
  settled: number
}

/** What the world knows of itself. Only the effects and events of the children, and callers, write into it. */
export class Ledger {
  readonly posts = new Map<string, Post>()
  readonly sent: Sent[] = []
  /** Asks that have not settled, and those that settled in the last step. */
  openAsks: Sent[] = []
  readonly pending: Pending[] = []
  readonly events: SupervisionEvent[] = []
  #order = 0

  add(plan: NodePlan, parent: Post | undefined): Post {
    this.#order += 1
    const post = new Post(plan, parent, this.#order)
    post.epoch = parent ? 1 : 0
    this.posts.set(plan.id, post)
    if (isBranch(plan)) for (const child of plan.children) this.add(child, post)
    return post
  }

  /** Takes back the last that was added to a supervisor. */
  takeBack(post: Post): void {
    this.posts.delete(post.id)
    post.parent?.children.splice(post.parent.children.indexOf(post), 1)
  }

  get lives(): Life[] {
    return [...this.posts.values()].flatMap(({ lives }) => lives)
  }
}
