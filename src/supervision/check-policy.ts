import { ExovisorError } from '../errors.ts'
import { longestBackoff } from './backoff.ts'
import type { BackoffPolicy, IntensityPolicy, Policy } from './policy.ts'

/** One thing that is wrong with a policy. */
export interface PolicyFault {
  /** The field, e.g. `backoff.max`. */
  readonly path: string
  readonly message: string
  readonly expected: string
}

const MOST_RESTARTS = 100_000
const MOST_CHECKS = 1_000

type Rule = readonly [path: string, value: unknown, holds: boolean, expected: string]

const oneOf = (value: unknown, allowed: readonly unknown[]): boolean => allowed.includes(value)
const within = (value: unknown, least: number, most: number): boolean =>
  typeof value === 'number' && value >= least && value <= most
const whole = (value: unknown, least: number, most: number): boolean =>
  Number.isInteger(value) && within(value, least, most)
const FINITE = Number.MAX_VALUE
const time = 'a number of milliseconds, at least 0'

function intensityRules({ restarts, within: period }: IntensityPolicy): readonly Rule[] {
  return [
    [
      'intensity.restarts',
      restarts,
      whole(restarts, 0, MOST_RESTARTS),
      `a whole number from 0 to ${MOST_RESTARTS}`,
    ],
    ['intensity.within', period, within(period, 1, FINITE), 'a number of milliseconds, at least 1'],
  ]
}

function backoffRules({ initial, factor, max, jitter, resetAfter }: BackoffPolicy): readonly Rule[] {
  return [
    ['backoff.initial', initial, within(initial, 0, FINITE), time],
    ['backoff.factor', factor, within(factor, 1, 100), 'a number from 1 to 100'],
    ['backoff.max', max, within(max, 0, FINITE), time],
    ['backoff.jitter', jitter, oneOf(jitter, ['none', 'full', 'equal']), 'none, full or equal'],
    ['backoff.resetAfter', resetAfter, within(resetAfter, 0, FINITE), time],
  ]
}

function rules({
  restart,
  on,
  degraded,
  backoff,
  intensity,
  startTimeout,
  shutdown,
  probe,
}: Policy): readonly Rule[] {
  const { failures, of } = degraded.after
  return [
    [
      'restart',
      restart,
      oneOf(restart, ['permanent', 'transient', 'temporary']),
      'permanent, transient or temporary',
    ],
    [
      'on',
      on,
      Array.isArray(on) && on.every(state => oneOf(state, ['DEGRADED', 'ERROR'])),
      'a list of DEGRADED and ERROR',
    ],
    ['degraded.after.of', of, whole(of, 1, MOST_CHECKS), `a whole number from 1 to ${MOST_CHECKS}`],
    [
      'degraded.after.failures',
      failures,
      whole(failures, 1, of),
      'a whole number from 1 to degraded.after.of',
    ],
    ['degraded.grace', degraded.grace, within(degraded.grace, 0, FINITE), time],
    ['degraded.soft', degraded.soft, whole(degraded.soft, 0, 100), 'a whole number from 0 to 100'],
    ...backoffRules(backoff),
    ...intensityRules(intensity),
    [
      'startTimeout',
      startTimeout,
      within(startTimeout, 1, Number.POSITIVE_INFINITY),
      'a number of milliseconds, at least 1',
    ],
    [
      'shutdown',
      shutdown,
      oneOf(shutdown, ['infinity', 'kill']) || within(shutdown, 0, FINITE),
      `${time}, or infinity, or kill`,
    ],
    [
      'probe.interval',
      probe.interval,
      within(probe.interval, 1, FINITE),
      'a number of milliseconds, at least 1',
    ],
    [
      'probe.timeout',
      probe.timeout,
      within(probe.timeout, 1, FINITE),
      'a number of milliseconds, at least 1',
    ],
  ]
}

/** A limit that its own backoff keeps from ever being reached would restart for ever without anybody noticing. */
function unreachable({ backoff, intensity }: Policy): PolicyFault | undefined {
  const { restarts, within: period } = intensity
  const longest = longestBackoff(backoff, restarts)
  if (restarts === 0 || longest < period) return undefined
  return {
    path: 'intensity.within',
    message: `${restarts} restarts can take ${longest} ms of backoff, so the limit of ${restarts} restarts within ${period} ms may never be reached`,
    expected: `more than ${longest} ms, or fewer restarts, or a shorter backoff`,
  }
}

const broken = (all: readonly Rule[]): readonly PolicyFault[] =>
  all
    .filter(([, , holds]) => !holds)
    .map(([path, value, , expected]) => ({
      path,
      message: `is ${JSON.stringify(value) ?? String(value)}`,
      expected,
    }))

function refuse(faults: readonly PolicyFault[], where: string): void {
  if (faults.length === 0) return
  const lines = faults.map(({ path, message, expected }) => `${path}: ${message}; expected ${expected}`)
  throw new ExovisorError('EXO_CHILD_SPEC_INVALID', `${where}: ${lines.join('. ')}`, { details: { faults } })
}

/** All that is wrong with a policy, best first to mend first; empty when nothing is. */
export function policyFaults(policy: Policy): readonly PolicyFault[] {
  const faults = broken(rules(policy))
  if (faults.length > 0) return faults
  const fault = unreachable(policy)
  return fault ? [fault] : []
}

/**
 * Refuses a policy with wrong values, and one whose backoff makes its own intensity limit unreachable.
 *
 * @param where names the policy in the message
 * @throws EXO_CHILD_SPEC_INVALID that lists every fault, also as `details.faults`
 */
export function checkPolicy(policy: Policy, where: string): void {
  refuse(policyFaults(policy), where)
}

/**
 * Refuses a restart intensity with wrong values.
 *
 * @param where names its owner in the message
 * @throws EXO_CHILD_SPEC_INVALID that lists every fault, also as `details.faults`
 */
export function checkIntensity(intensity: IntensityPolicy, where: string): void {
  refuse(broken(intensityRules(intensity)), where)
}
