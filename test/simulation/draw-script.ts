import type { SupervisionEventType } from '../../src/supervision/types.ts'
import type { Dice } from './dice.ts'
import type { TreeDrawing } from './draw-tree.ts'
import { type Action, type BranchPlan, type Handling, isBranch, nodesOf } from './scenario.ts'
import type { Swarm } from './swarm.ts'

const handlings: readonly Handling[] = [
  'answers',
  'answers',
  'answers late',
  'answers late',
  'throws',
  'never answers',
  'fails itself',
  'degrades itself',
  'ends itself',
  'has itself stopped',
]

const ambushes: readonly SupervisionEventType[] = [
  'started',
  'ready',
  'degraded',
  'recovered',
  'soft_restart',
  'failed',
  'failed',
  'child_terminated',
  'child_terminated',
  'backoff_scheduled',
  'backoff_scheduled',
  'restarted',
  'gave_up',
  'start_error',
  'suspended',
  'ignored',
  'stopped',
  'dead_letter',
  'shutdown_error',
  'reloaded',
]

/** So many of those that a supervisor gives ids to are sent messages and commands. */
const NAMED = 4

/** Draws what happens to a world, until its time is over. */
export class ScriptDrawing {
  readonly #dice: Dice
  readonly #swarm: Swarm
  readonly #trees: TreeDrawing
  readonly #leaves: string[]
  readonly #branches: readonly BranchPlan[]
  /** Those whose children are listed. */
  readonly #listed: readonly BranchPlan[]
  /** Those whose children are spawned. */
  readonly #spawning: readonly BranchPlan[]
  #spawned = 0
  #isClosed = false

  constructor(dice: Dice, swarm: Swarm, trees: TreeDrawing, root: BranchPlan) {
    this.#dice = dice
    this.#swarm = swarm
    this.#trees = trees
    const nodes = [...nodesOf(root)]
    this.#leaves = nodes.filter(node => !isBranch(node)).map(({ id }) => id)
    this.#branches = nodes.filter(isBranch)
    this.#listed = this.#branches.filter(({ strategy }) => strategy !== 'dynamic')
    this.#spawning = this.#branches.filter(({ strategy }) => strategy === 'dynamic')
    for (const { template } of this.#spawning)
      for (let number = 1; number <= NAMED; number += 1) this.#leaves.push(`${template?.id}-${number}`)
  }

  script(): readonly Action[] {
    const { span, most } = this.#swarm
    const actions: Action[] = this.#dice.chance(0.7) ? [{ do: 'advance', ms: 20_000 }] : []
    for (let time = 0; time < span && actions.length < most; ) {
      for (let burst = this.#dice.whole(1, 3); burst > 0; burst -= 1) actions.push(this.#action())
      const ms = this.#pause()
      actions.push({ do: 'advance', ms })
      time += ms
      if (this.#isClosed) break
    }
    return actions
  }

  #pause(): number {
    const dice = this.#dice
    const length = dice.weighted({ none: 4, short: 3, middle: 2, long: 2.2 })
    if (length === 'none') return 0
    if (length === 'short') return dice.time(1, 500)
    return length === 'middle' ? dice.time(500, 5_000) : dice.time(5_000, 90_000)
  }

  #action(depth = 0): Action {
    const dice = this.#dice
    const what = dice.weighted(this.#swarm.actions)
    switch (what) {
      case 'advance':
      case 'leap':
        return depth > 0 ? this.#action(depth) : { do: 'leap', ms: dice.time(10, 120_000) }
      case 'skew':
        return { do: 'skew', ms: dice.time(1, 600_000) * dice.pick([-1, 1]) }
      case 'hop':
        return { do: 'hop', count: dice.whole(1, 12) }
      case 'tell':
        return { do: what, id: this.#leaf(), how: dice.pick(handlings) }
      case 'ask':
        return this.#ask()
      case 'await':
        return { do: what, id: this.#node(), timeout: dice.time(1, 20_000) }
      case 'add':
        return this.#listed.length > 0
          ? { do: what, to: dice.pick(this.#listed).id, leaf: this.#newLeaf() }
          : this.#spawn()
      case 'spawn':
        return this.#spawning.length > 0 ? this.#spawn() : this.#action(depth)
      case 'strike':
        return depth > 0
          ? { do: what, how: dice.pick(['stop', 'restart', 'remove'] as const) }
          : this.#action(depth)
      case 'reshape':
        return this.#reshape()
      case 'close':
        if (depth === 0) this.#isClosed = true
        return { do: 'close' }
      case 'ambush':
        if (depth > 0) return this.#action(depth)
        return {
          do: what,
          on: dice.pick(ambushes),
          actions: Array.from({ length: dice.whole(1, 2) }, () => this.#action(depth + 1)),
        }
      case 'reload':
        return { do: what, id: this.#leaf(), policy: dice.chance(0.2) ? 'wrong' : this.#trees.reloaded() }
      case 'self fail':
      case 'end':
        return { do: what, id: this.#leaf() }
      case 'fail':
      case 'degrade':
      case 'recovered':
      case 'stop':
      case 'restart':
      case 'remove':
      case 'start again':
      case 'suspend':
      case 'resume':
        return { do: what, id: this.#node() }
    }
  }

  #ask(): Action {
    const dice = this.#dice
    return {
      do: 'ask',
      id: this.#leaf(),
      how: dice.pick(handlings),
      timeout: dice.time(1, 10_000),
      ...(dice.chance(0.2) && { abortAfter: dice.time(1, 5_000) }),
    }
  }

  #spawn(): Action {
    const dice = this.#dice
    const { id, template } = dice.pick(this.#spawning)
    if (!template) throw new Error(`${id} has no template`)
    const lives = this.#trees.lives(template.policy, dice.chance(0.7))
    if (dice.chance(0.6)) return { do: 'spawn', in: id, lives }
    // Some come back under the id that they had.
    if (this.#spawned === 0 || dice.chance(0.6)) this.#spawned += 1
    const name = `w${dice.chance(0.5) ? this.#spawned : dice.whole(1, this.#spawned)}-of-${id}`
    if (!this.#leaves.includes(name)) this.#leaves.push(name)
    return { do: 'spawn', in: id, id: name, lives }
  }

  #reshape(): Action {
    const { id, strategy, children } = this.#dice.pick(this.#branches)
    const to = this.#trees.reshaped(
      strategy,
      children.map(child => child.id),
    )
    for (const leaf of to.added ?? []) this.#leaves.push(leaf.id)
    return { do: 'reshape', id, to }
  }

  #newLeaf() {
    const leaf = this.#trees.leaf(this.#dice.chance(0.5))
    this.#leaves.push(leaf.id)
    return leaf
  }

  #leaf(): string {
    return this.#leaves.length > 0 ? this.#dice.pick(this.#leaves) : 'nobody'
  }

  #node(): string {
    return this.#dice.chance(0.12) ? this.#dice.pick(this.#branches).id : this.#leaf()
  }
}
