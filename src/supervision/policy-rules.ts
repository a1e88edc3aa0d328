import { closest } from 'fastest-levenshtein'
import { errorCatalogue } from '../errors.ts'
import type { BackoffPolicy, Directive, IntensityPolicy, Policy } from './policy.ts'

/** What one value of a policy must be, and whether it is. */
export type Rule = readonly [path: string, value: unknown, holds: boolean, expected: string]

const MOST_RESTARTS = 100_000
const MOST_CHECKS = 1_000
const MOST_DECISIONS = 1_000
const LONGEST_DECIDER = 128
const directives: readonly Directive[] = ['resume', 'restart', 'stop', 'escalate']

const oneOf = (value: unknown, allowed: readonly unknown[]): boolean => allowed.includes(value)
const within = (value: unknown, least: number, most: number): boolean =>
  typeof value === 'number' && value >= least && value <= most
const whole = (value: unknown, least: number, most: number): boolean =>
  Number.isInteger(value) && within(value, least, most)
const FINITE = Number.MAX_VALUE
const time = 'a number of milliseconds, at least 0'
const someTime = 'a number of milliseconds, at least 1'

const isGroup = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The parts of a policy that have fields of their own. The other rules may be asked only when these hold. */
export function groupRules(policy: Policy): readonly Rule[] {
  const groups = ['degraded', 'backoff', 'intensity', 'decide', 'probe'] as const
  const rules = groups.map((key): Rule => [key, policy[key], isGroup(policy[key]), 'fields with values'])
  const after = isGroup(policy.degraded) ? policy.degraded.after : undefined
  return [...rules, ['degraded.after', after, isGroup(after), 'fields with values']]
}

/** The restart intensity, of a child or of a whole supervisor. */
export function intensityRules({ restarts, within: period }: IntensityPolicy): readonly Rule[] {
  const allowed = whole(restarts, 0, MOST_RESTARTS)
  return [
    ['intensity.restarts', restarts, allowed, `a whole number from 0 to ${MOST_RESTARTS}`],
    ['intensity.within', period, within(period, 1, FINITE), someTime],
  ]
}

function backoffRules({ initial, factor, max, jitter, resetAfter }: BackoffPolicy): readonly Rule[] {
  const isJitter = oneOf(jitter, ['none', 'full', 'equal', 'decorrelated'])
  return [
    ['backoff.initial', initial, within(initial, 0, FINITE), time],
    ['backoff.factor', factor, within(factor, 1, 100), 'a number from 1 to 100'],
    ['backoff.max', max, within(max, 0, FINITE), time],
    ['backoff.jitter', jitter, isJitter, 'none, full, equal or decorrelated'],
    ['backoff.resetAfter', resetAfter, within(resetAfter, 0, FINITE), time],
  ]
}

function degradedRules({ after, grace, soft }: Policy['degraded']): readonly Rule[] {
  const { failures, of } = after
  const some = `a whole number from 1 to ${MOST_CHECKS}`
  return [
    ['degraded.after.of', of, whole(of, 1, MOST_CHECKS), some],
    [
      'degraded.after.failures',
      failures,
      whole(failures, 1, of),
      'a whole number from 1 to degraded.after.of',
    ],
    ['degraded.grace', grace, within(grace, 0, FINITE), time],
    ['degraded.soft', soft, whole(soft, 0, 100), 'a whole number from 0 to 100'],
  ]
}

/** A path that stays one when it is split at its dots. */
const decisionPath = (key: string): string =>
  key.length <= LONGEST_DECIDER && /^[\w$*]+$/.test(key) ? `decide.${key}` : 'decide'

/** The codes of the catalogue are known, so that a wrong one is a slip; any other key may be a code or class of the user's own. */
function deciderRule(key: string): Rule {
  const fits = key.length > 0 && key.length <= LONGEST_DECIDER
  if (!fits) return ['decide', key, false, `keys of 1 to ${LONGEST_DECIDER} characters`]
  const isKnown = !key.startsWith('EXO_') || Object.hasOwn(errorCatalogue, key)
  const near = isKnown ? '' : closest(key, Object.keys(errorCatalogue))
  return [decisionPath(key), key, isKnown, `a code of the catalogue, such as ${near}`]
}

function decideRules(decide: Policy['decide']): readonly Rule[] {
  const entries = Object.entries(decide)
  const fits = entries.length <= MOST_DECISIONS
  if (!fits) return [['decide', `${entries.length} entries`, fits, `at most ${MOST_DECISIONS} entries`]]
  return entries.flatMap(([key, directive]): Rule[] => [
    deciderRule(key),
    [decisionPath(key), directive, oneOf(directive, directives), directives.join(', ')],
  ])
}

/** Every rule that concerns one value alone. */
export function policyRules(policy: Policy): readonly Rule[] {
  const { restart, on, degraded, backoff, intensity, decide, circuit, startTimeout, shutdown, probe } = policy
  const restarts = ['permanent', 'transient', 'temporary']
  const acts = Array.isArray(on) && on.every(state => oneOf(state, ['DEGRADED', 'ERROR']))
  const closes = oneOf(shutdown, ['infinity', 'kill']) || within(shutdown, 0, FINITE)
  const reopens = circuit === 'off' || within(circuit, 1, FINITE)
  return [
    ['restart', restart, oneOf(restart, restarts), 'permanent, transient or temporary'],
    ['on', on, acts, 'a list of DEGRADED and ERROR'],
    ...degradedRules(degraded),
    ...backoffRules(backoff),
    ...intensityRules(intensity),
    ...decideRules(decide),
    ['circuit', circuit, reopens, `off, or ${someTime}`],
    ['startTimeout', startTimeout, within(startTimeout, 1, Number.POSITIVE_INFINITY), someTime],
    ['shutdown', shutdown, closes, `${time}, or infinity, or kill`],
    ['probe.interval', probe.interval, within(probe.interval, 1, FINITE), someTime],
    ['probe.timeout', probe.timeout, within(probe.timeout, 1, FINITE), someTime],
  ]
}
