import { longestBackoff } from '../../src/supervision/backoff.ts'
import type { Policy, RestartType } from '../../src/supervision/policy.ts'
import { supervisorPolicy } from '../../src/supervision/policy.ts'
import type { StrategyName } from '../../src/supervision/types.ts'
import type { Dice } from './dice.ts'
import {
  type BranchPlan,
  isBranch,
  type LeafPlan,
  type LifePlan,
  type NodePlan,
  type ReloadedPolicy,
  type Reshaping,
  type Start,
} from './scenario.ts'
import { type Swarm, strategies } from './swarm.ts'

const MOST_NODES = 14
const LIVES = 8

/** Draws the tree of a world: its supervisors, its leaves and how each of their lives will go. */
export class TreeDrawing {
  readonly #dice: Dice
  readonly #swarm: Swarm
  #count = 0

  constructor(dice: Dice, swarm: Swarm) {
    this.#dice = dice
    this.#swarm = swarm
  }

  root(): BranchPlan {
    return { ...this.#branch(0), id: 'root' }
  }

  leaf(firstLifeGoesWell: boolean): LeafPlan {
    const dice = this.#dice
    const restart = dice.weighted(this.#swarm.restart)
    const policy = this.#policy(restart)
    const mailbox = dice.chance(0.2) ? dice.whole(1, 3) : 1_000
    const overflow = dice.pick(['reject', 'drop-oldest', 'backpressure'] as const)
    const lives = this.lives(policy, firstLifeGoesWell)
    return {
      id: this.#name('c'),
      restart,
      policy,
      start: !dice.chance(0.04),
      mailbox: dice.chance(0.5) ? mailbox : { capacity: mailbox, overflow },
      checksHealth: dice.chance(this.#swarm.checks),
      recovers: dice.chance(0.5),
      lives,
    }
  }

  lives(policy: Policy, firstGoesWell: boolean): readonly LifePlan[] {
    return Array.from({ length: LIVES }, (_, index) => this.#life(policy, firstGoesWell && index === 0))
  }

  #name(letter: string): string {
    this.#count += 1
    return `${letter}${this.#count}`
  }

  #branch(depth: number): BranchPlan {
    const dice = this.#dice
    const { breadth, depth: deepest } = this.#swarm
    const id = this.#name('s')
    if (dice.chance(this.#swarm.dynamic) && depth === deepest) return this.#dynamic(id)
    const children: NodePlan[] = []
    const count = dice.whole(depth === 0 ? 1 : 0, breadth)
    for (let index = 0; index < count && this.#count < MOST_NODES; index += 1) {
      const nested = depth < deepest && dice.chance(0.35)
      children.push(nested ? this.#branch(depth + 1) : this.leaf(!dice.chance(this.#swarm.badFirstStart)))
    }
    const strategy = dice.pick(this.#swarm.strategies)
    const autoShutdown = dice.chance(this.#swarm.significant)
      ? dice.pick(['any_significant', 'all_significant'] as const)
      : 'never'
    const related = strategy === 'dependency_closure' ? this.#related(children) : children
    return {
      ...this.#supervisor(id),
      strategy,
      ...(autoShutdown !== 'never' && { autoShutdown }),
      children: autoShutdown === 'never' ? related : related.map(child => this.#significant(child)),
    }
  }

  /** One whose children are spawned later. */
  #dynamic(id: string): BranchPlan {
    const dice = this.#dice
    const autoShutdown = dice.chance(this.#swarm.significant)
      ? dice.pick(['any_significant', 'all_significant'] as const)
      : 'never'
    const drawn = { ...this.leaf(true), start: true, lives: [] }
    const template = autoShutdown === 'never' ? drawn : this.#significant(drawn)
    return {
      ...this.#supervisor(id),
      strategy: 'dynamic',
      ...(autoShutdown !== 'never' && { autoShutdown }),
      ...(dice.chance(0.8) && { maxChildren: dice.whole(1, 6) }),
      template: { ...template, kind: template.id },
      children: [],
    }
  }

  /** What every supervisor has. */
  #supervisor(id: string) {
    const dice = this.#dice
    const { intensity, backoff } = this.#policy('permanent')
    const restart: RestartType = dice.chance(0.85) ? 'permanent' : dice.pick(['transient', 'temporary'])
    return {
      id,
      restart,
      policy: { ...supervisorPolicy, intensity, backoff, restart },
      ...(dice.chance(0.1) && { concurrentStarts: dice.whole(1, 2) }),
      ...(dice.chance(0.25) && { intensity: this.#limit() }),
    }
  }

  #limit(): Policy['intensity'] {
    return { restarts: this.#dice.whole(0, 12), within: this.#dice.time(100, 300_000) }
  }

  #significant<Plan extends NodePlan>(child: Plan): Plan {
    const mayBe = !isBranch(child) && child.restart !== 'permanent'
    return mayBe && this.#dice.chance(0.5) ? { ...child, significant: true } : child
  }

  /** Lets children need, or follow, some of those before them. */
  #related(children: readonly NodePlan[]): readonly NodePlan[] {
    const dice = this.#dice
    const share = dice.pick([0.2, 0.5])
    return children.map((child, index) => {
      const some = (): readonly string[] =>
        children.slice(0, index).flatMap(({ id }) => (dice.chance(share) ? [id] : []))
      const dependsOn = some()
      if (isBranch(child)) return { ...child, dependsOn }
      const others = (ids: readonly string[]) => ids.filter(id => !dependsOn.includes(id))
      return {
        ...child,
        dependsOn,
        after: dice.chance(0.3) ? others(some()) : [],
        requires: dice.chance(0.3) ? others(some()) : [],
      }
    })
  }

  #policy(restart: Policy['restart']): Policy {
    const dice = this.#dice
    const initial = dice.pick([0, 0, 10, 100, 1_000])
    const backoff: Policy['backoff'] = {
      initial,
      factor: dice.pick([1, 2, 3]),
      max: Math.max(initial, dice.time(50, 10_000)),
      jitter: dice.pick(['none', 'full', 'equal', 'decorrelated']),
      resetAfter: dice.time(10, 60_000),
    }
    const restarts = dice.chance(this.#swarm.patient) ? dice.whole(20, 200) : dice.whole(0, 4)
    const within = Math.max(dice.time(100, 300_000), Math.ceil(longestBackoff(backoff, restarts)) + 1)
    return {
      restart,
      on: dice.chance(0.9) ? ['DEGRADED', 'ERROR'] : dice.pick([['ERROR'], ['DEGRADED'], []]),
      degraded: {
        after: dice.pick([
          { failures: 1, of: 1 },
          { failures: 2, of: 3 },
          { failures: 3, of: 5 },
        ]),
        grace: dice.pick([0, 100, 2_000, 10_000]),
        soft: dice.whole(0, 2),
      },
      backoff,
      intensity: { restarts, within },
      decide: dice.chance(this.#swarm.decides) ? this.#directives() : {},
      circuit: dice.chance(this.#swarm.circuits) ? dice.time(100, 20_000) : 'off',
      startTimeout: dice.time(20, 10_000),
      shutdown:
        dice.weighted(this.#swarm.shutdown) === 'ms' ? dice.time(1, 5_000) : dice.pick(['infinity', 'kill']),
      probe: { interval: dice.time(2_000, 30_000), timeout: dice.time(10, 2_000) },
    }
  }

  #directives(): Policy['decide'] {
    const dice = this.#dice
    const codes = ['EXO_RESOURCE_FAILED', 'EXO_INITIALIZE_TIMEOUT', 'EXO_HEALTH_CHECK_FAILED', '*']
    const directives = ['resume', 'restart', 'restart', 'stop', 'escalate'] as const
    return Object.fromEntries(
      codes.flatMap(code => (dice.chance(0.4) ? [[code, dice.pick(directives)] as const] : [])),
    )
  }

  /** What a reload may change in a child. */
  reloaded(): ReloadedPolicy {
    const dice = this.#dice
    const { backoff, intensity } = this.#policy('permanent')
    return {
      backoff,
      intensity,
      ...(dice.chance(0.3) && { restart: dice.weighted(this.#swarm.restart) }),
    }
  }

  /** What a reload may change in a supervisor with children of these ids, the first ones started first. */
  reshaped(strategy: StrategyName, ids: readonly string[]): Reshaping {
    const dice = this.#dice
    const limits = {
      ...(dice.chance(0.3) && { intensity: this.#limit() }),
      ...(dice.chance(0.2) && { concurrentStarts: dice.whole(1, 3) }),
    }
    if (strategy === 'dynamic')
      return {
        ...limits,
        ...(dice.chance(0.5) && { maxChildren: dice.whole(1, 6) }),
        ...(dice.chance(0.5) && { policy: this.reloaded() }),
      }
    return {
      ...limits,
      ...(dice.chance(0.7) && { strategy: dice.chance(0.05) ? 'dynamic' : dice.pick(strategies) }),
      ...(dice.chance(0.6) && { relations: this.#relations(ids) }),
      ...(dice.chance(0.4) && { added: [this.leaf(true)] }),
    }
  }

  #relations(ids: readonly string[]): NonNullable<Reshaping['relations']> {
    const dice = this.#dice
    return Object.fromEntries(
      ids.map((id, index) => {
        const some = (share: number) => ids.slice(0, index).filter(() => dice.chance(share))
        const dependsOn = some(0.3)
        return [id, { dependsOn, after: dice.chance(0.3) ? some(0.3) : [], requires: [] }]
      }),
    )
  }

  #life(policy: Policy, goesWell: boolean): LifePlan {
    const dice = this.#dice
    const { faults } = this.#swarm
    const start: Start = goesWell || !dice.chance(faults.start) ? 'ok' : this.#badStart(policy)
    const slow = dice.chance(0.3)
      ? dice.time(1, goesWell ? policy.startTimeout / 2 : policy.startTimeout * 1.5)
      : 0
    const turns = dice.chance(faults.turn)
      ? Array.from({ length: dice.whole(1, 2) }, () => ({
          after: dice.chance(0.3) ? 0 : dice.time(1, 120_000),
          what: dice.pick(['fail', 'fail', 'degrade', 'recovered', 'end'] as const),
        }))
      : []
    const sickFrom = dice.time(10, 120_000)
    const endless = policy.shutdown === 'infinity'
    const cleanup = dice.chance(faults.cleanup)
      ? dice.pick(['throws', endless ? 'throws' : 'hangs'] as const)
      : 'ok'
    return {
      start,
      startAfter: slow,
      hops: dice.chance(0.4) ? dice.whole(1, 6) : 0,
      heedsAbort: dice.chance(0.6),
      cleanup,
      cleanupAfter: dice.chance(0.4) ? dice.time(1, 3_000) : 0,
      ...(dice.chance(faults.health) && {
        sick: {
          from: sickFrom,
          to: sickFrom + dice.time(10, 120_000),
          how: dice.pick(['throws', 'hangs'] as const),
        },
      }),
      recover: dice.pick(['ok', 'ok', 'throws', 'hangs']),
      turns,
    }
  }

  /** One that never settles would never let a child close whose closing has no limit. */
  #badStart({ shutdown }: Policy): Start {
    return this.#dice.pick([
      'throws',
      'throws',
      'throws at once',
      shutdown === 'infinity' ? 'throws' : 'never settles',
      'settles twice',
      'fails itself',
      'ends itself',
      'ignores',
    ])
  }
}
