import { closest } from 'fastest-levenshtein'
import { intensityRules, type Rule } from './policy-rules.ts'
import { isRecord } from './spec-faults.ts'

/** The most children that one tree may be given at once. */
export const MOST_CHILDREN = 1_000_000

const strategies = ['one_for_one', 'one_for_all', 'rest_for_one', 'dependency_closure', 'dynamic'] as const
const modes = ['never', 'any_significant', 'all_significant'] as const

/** What a supervisor's input may have. */
export const supervisorFields = [
  'strategy',
  'children',
  'template',
  'maxChildren',
  'autoShutdown',
  'concurrentStarts',
  'policies',
  'intensity',
  'onEvent',
] as const

/** The fields of a supervisor's input, whatever they hold. */
export type SupervisorFields = Readonly<Record<(typeof supervisorFields)[number], unknown>>

/** Whether a value is a number of children. */
export const isCount = (value: unknown): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MOST_CHILDREN

/** The fields of a supervisor that stand alone. */
export function supervisorRules({
  strategy,
  autoShutdown,
  concurrentStarts,
  onEvent,
  intensity,
}: SupervisorFields): readonly Rule[] {
  const near = (value: unknown, known: readonly string[]): string =>
    typeof value === 'string' && value !== '' && value.length <= 64
      ? `${known.join(' or ')}; the nearest is ${closest(value, known)}`
      : known.join(' or ')
  const isKnown = (value: unknown, known: readonly unknown[]) => value === undefined || known.includes(value)
  const budget = isRecord(intensity) ? intensity : {}
  return [
    ['strategy', strategy, isKnown(strategy, strategies), near(strategy, strategies)],
    ['autoShutdown', autoShutdown, isKnown(autoShutdown, modes), near(autoShutdown, modes)],
    [
      'concurrentStarts',
      concurrentStarts,
      concurrentStarts === undefined || isCount(concurrentStarts),
      `a whole number from 1 to ${MOST_CHILDREN}`,
    ],
    ['onEvent', onEvent, onEvent === undefined || typeof onEvent === 'function', 'a function'],
    ...(intensity === undefined ? [] : intensityRules(budget as never)),
  ]
}
