import type { RestartType } from '../../src/supervision/policy.ts'
import type { StrategyName } from '../../src/supervision/types.ts'
import type { Dice } from './dice.ts'
import type { Action } from './scenario.ts'

/** Those of supervisors whose children are listed. */
export const strategies: readonly StrategyName[] = [
  'one_for_one',
  'one_for_all',
  'rest_for_one',
  'dependency_closure',
]

/**
 * What kind of world a seed gives. Most faults are switched off in each single world, and the rest are more or less frequent: rare
 * combinations come up more often than if everything were possible at all times (swarm testing, Groce et al. 2012).
 */
export interface Swarm {
  readonly depth: number
  readonly breadth: number
  readonly strategies: readonly StrategyName[]
  readonly restart: Readonly<Record<RestartType, number>>
  readonly shutdown: Readonly<Record<'ms' | 'other', number>>
  /** The share of children that may fail often before their supervisor gives up. */
  readonly patient: number
  /** The share of children with health checks. */
  readonly checks: number
  readonly badFirstStart: number
  /** The shares of children with a table of directives, and with a circuit. */
  readonly decides: number
  readonly circuits: number
  /** The share of supervisors whose children are spawned. */
  readonly dynamic: number
  /** The share of supervisors that end with their significant children. */
  readonly significant: number
  readonly faults: Readonly<Record<'start' | 'turn' | 'cleanup' | 'health', number>>
  readonly actions: Readonly<Record<Action['do'], number>>
  /** The simulated time of the safety phase, in milliseconds, and the most actions in it. */
  readonly span: number
  readonly most: number
}

export function drawSwarm(dice: Dice): Swarm {
  const often = (share: number, weight: number): number =>
    dice.chance(share) ? weight * (0.2 + dice.whole(1, 10) / 5) : 0
  return {
    depth: dice.whole(0, 2),
    breadth: dice.whole(2, 6),
    strategies: dice.chance(0.5) ? [dice.pick(strategies)] : strategies,
    restart: { permanent: 6, transient: often(0.5, 3), temporary: often(0.4, 2) },
    shutdown: { ms: 8, other: often(0.4, 2) },
    patient: dice.pick([0.2, 0.8, 1]),
    checks: dice.pick([0, 0.3, 0.6]),
    decides: dice.chance(0.25) ? 0.3 : 0,
    circuits: dice.chance(0.2) ? 0.4 : 0,
    significant: dice.chance(0.15) ? 0.5 : 0,
    dynamic: dice.chance(0.4) ? dice.pick([0.3, 0.6, 1]) : 0,
    badFirstStart: dice.chance(0.1) ? 0.1 : 0,
    faults: {
      start: often(0.6, 0.25),
      turn: often(0.6, 0.3),
      cleanup: often(0.5, 0.25),
      health: often(0.5, 0.4),
    },
    actions: {
      advance: 0,
      leap: often(0.4, 2),
      skew: often(0.25, 2),
      hop: often(0.7, 8),
      fail: 1 + often(0.9, 12),
      'self fail': often(0.6, 6),
      degrade: often(0.6, 6),
      recovered: often(0.5, 3),
      end: often(0.4, 2),
      tell: often(0.6, 8),
      ask: often(0.7, 10),
      await: often(0.5, 3),
      stop: often(0.5, 2),
      restart: often(0.6, 4),
      remove: often(0.3, 1),
      'start again': often(0.4, 3),
      add: often(0.4, 2),
      suspend: often(0.3, 3),
      resume: often(0.5, 3),
      reload: often(0.3, 2),
      reshape: often(0.3, 2),
      // Those who spawn have nobody without it.
      spawn: 6,
      close: often(0.2, 0.3),
      ambush: often(0.5, 3),
      // In an ambush only.
      strike: often(0.3, 6),
    },
    span: 600_000,
    most: 160,
  }
}
