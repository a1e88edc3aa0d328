import { longestBackoff } from '../../src/supervision/backoff.ts'
import type { Policy } from '../../src/supervision/policy.ts'
import { supervisorPolicy } from '../../src/supervision/policy.ts'
import type { Dice } from './dice.ts'
import type { BranchPlan, LeafPlan, LifePlan, NodePlan, Start } from './scenario.ts'
import type { Swarm } from './swarm.ts'

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
    const lives = Array.from({ length: LIVES }, (_, index) =>
      this.#life(policy, firstLifeGoesWell && index === 0),
    )
    return {
      id: this.#name('c'),
      restart,
      policy,
      start: !dice.chance(0.04),
      mailbox: dice.chance(0.2) ? dice.whole(1, 3) : 1_000,
      checksHealth: dice.chance(this.#swarm.checks),
      recovers: dice.chance(0.5),
      lives,
    }
  }

  #name(letter: string): string {
    this.#count += 1
    return `${letter}${this.#count}`
  }

  #branch(depth: number): BranchPlan {
    const dice = this.#dice
    const { breadth, depth: deepest } = this.#swarm
    const id = this.#name('s')
    const children: NodePlan[] = []
    const count = dice.whole(depth === 0 ? 1 : 0, breadth)
    for (let index = 0; index < count && this.#count < MOST_NODES; index += 1) {
      const nested = depth < deepest && dice.chance(0.35)
      children.push(nested ? this.#branch(depth + 1) : this.leaf(!dice.chance(this.#swarm.badFirstStart)))
    }
    const { intensity, backoff, restart } = this.#policy('permanent')
    const bounded = dice.chance(0.25)
    return {
      id,
      restart: dice.chance(0.85) ? 'permanent' : dice.pick(['transient', 'temporary']),
      policy: { ...supervisorPolicy, intensity, backoff, restart },
      strategy: dice.pick(this.#swarm.strategies),
      ...(bounded && { intensity: { restarts: dice.whole(0, 12), within: dice.time(100, 300_000) } }),
      children,
    }
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
      decide: {},
      circuit: 'off',
      startTimeout: dice.time(20, 10_000),
      shutdown:
        dice.weighted(this.#swarm.shutdown) === 'ms' ? dice.time(1, 5_000) : dice.pick(['infinity', 'kill']),
      probe: { interval: dice.time(2_000, 30_000), timeout: dice.time(10, 2_000) },
    }
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
    ])
  }
}
