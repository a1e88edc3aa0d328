import { faultsError } from './check-specs.ts'
import { expectedId, isId } from './child-spec.ts'
import type { Rule } from './policy-rules.ts'
import { isRecord, quote, SpecFaults } from './spec-faults.ts'
import type { SuperviseOptions } from './types.ts'

/** What a root takes from the world, and the methods that it needs of each. */
const tools = {
  clock: ['now', 'setTimeout', 'clearTimeout', 'nextTurn'],
  log: ['debug', 'info', 'warn', 'error'],
  scheduler: ['post'],
  deadLetters: ['record'],
  events: ['wants', 'publish', 'close'],
  registry: ['register', 'unregister', 'changed'],
  tasks: ['begin', 'list'],
} as const

const fields = [
  ...(Object.keys(tools) as (keyof typeof tools)[]),
  'name',
  'random',
  'turn',
  'inspect',
  'createActor',
] as const
type Fields = Readonly<Record<(typeof fields)[number], unknown>>

const offers = (value: unknown, methods: readonly string[]): boolean =>
  isRecord(value) && methods.every(method => typeof value[method] === 'function')

const isBudget = (value: unknown): boolean => {
  if (!isRecord(value)) return false
  const { tasks = 1, ms = 0 } = value
  return Number.isInteger(tasks) && Number(tasks) >= 1 && typeof ms === 'number' && ms >= 0
}

function optionRules(given: Fields): readonly Rule[] {
  const { name, random, turn, inspect, createActor } = given
  const isFunction = typeof inspect === 'function' || isRecord(inspect)
  return [
    ['name', name, name === undefined || isId(name), expectedId],
    ['random', random, random === undefined || typeof random === 'function', 'a function'],
    [
      'createActor',
      createActor,
      createActor === undefined || typeof createActor === 'function',
      'a function',
    ],
    ['turn', turn, turn === undefined || isBudget(turn), 'tasks of at least 1, and ms of at least 0'],
    ['inspect', inspect, inspect === undefined || isFunction, 'an inspection observer'],
    ...Object.entries(tools).map(([key, methods]): Rule => {
      const value = given[key as keyof typeof tools]
      return [
        key,
        value,
        value === undefined || offers(value, methods),
        `an object with ${methods.join(', ')}`,
      ]
    }),
  ]
}

/**
 * Refuses options of a root supervisor that are none, before anything is made of them.
 * @throws EXO_CHILD_SPEC_INVALID with every fault
 */
export function checkOptions(options: SuperviseOptions): void {
  const faults = new SpecFaults()
  if (isRecord(options)) {
    const given = faults.fields(options, fields, '')
    faults.attempt('options', () => faults.addBroken(optionRules(given), ''))
  } else faults.add('options', `is ${quote(options)}`, 'an object: what a supervisor is made of')
  if (faults.list.length > 0) throw faultsError(faults.list, 'root')
}
