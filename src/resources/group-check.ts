import { closest } from 'fastest-levenshtein'
import { ExovisorError } from '../errors.ts'
import type { AddedMember, GroupShape } from './group-types.ts'

const LONGEST_NAME = 256
const MOST_MESSAGES = 1_000_000
const MOST_NAMED = 20
const orders: readonly unknown[] = [undefined, 'parallel', 'sequence']

const show = (value: unknown): string => JSON.stringify(value) ?? typeof value

function refuse(group: string, field: string, value: unknown, expected: string, name?: unknown): never {
  const of = name === undefined ? '' : ` of resource ${show(name)}`
  throw new ExovisorError(
    'EXO_CHILD_SPEC_INVALID',
    `group ${show(group)}: ${field}${of} is ${show(value)}, expected ${expected}`,
    { details: { group, field, expected, ...(typeof name === 'string' && { name }) } },
  )
}

const isCount = (value: unknown, most: number): boolean =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most

/**
 * Refuses a group with wrong values.
 * @throws EXO_CHILD_SPEC_INVALID naming group and field
 */
export function checkGroupShape(group: unknown, { order, closeOrder, concurrency }: GroupShape): void {
  if (typeof group !== 'string' || group.length === 0 || group.length > LONGEST_NAME) {
    refuse(String(group), 'name', group, `a text of 1 to ${LONGEST_NAME} characters`)
  }
  if (!orders.includes(order)) refuse(group, 'order', order, 'parallel or sequence')
  if (!orders.includes(closeOrder)) refuse(group, 'closeOrder', closeOrder, 'parallel or sequence')
  if (concurrency !== undefined && !isCount(concurrency, Number.MAX_SAFE_INTEGER)) {
    refuse(group, 'concurrency', concurrency, 'a whole number of at least 1')
  }
}

/**
 * Refuses a resource with wrong values. Because it may depend on earlier resources only, there are no cycles.
 * @throws EXO_CHILD_SPEC_INVALID naming group, resource and field
 */
export function checkMember(
  group: string,
  spec: AddedMember<unknown, unknown, unknown>,
  known: ReadonlyMap<string, unknown>,
): void {
  const { name, resource, dependsOn, mailbox } = spec
  if (typeof name !== 'string' || name.length === 0 || name.length > LONGEST_NAME) {
    refuse(group, 'name', name, `a text of 1 to ${LONGEST_NAME} characters`)
  }
  if (known.has(name)) refuse(group, 'name', name, 'a name that the group does not have yet')
  if (typeof resource?.initialize !== 'function') {
    refuse(group, 'definition', resource, 'what defineResource gives', name)
  }
  if (dependsOn !== undefined && !Array.isArray(dependsOn)) {
    refuse(group, 'dependsOn', dependsOn, 'a list of names', name)
  }
  for (const other of dependsOn ?? []) {
    if (!known.has(other)) {
      refuse(group, 'dependsOn', other, `a resource that was added before${suggestion(other, known)}`, name)
    }
  }
  if (mailbox !== undefined && !isCount(mailbox, MOST_MESSAGES)) {
    refuse(group, 'mailbox', mailbox, `a whole number from 1 to ${MOST_MESSAGES}`, name)
  }
}

function suggestion(name: unknown, known: ReadonlyMap<string, unknown>): string {
  if (known.size === 0 || typeof name !== 'string') return ''
  return `, did you mean ${show(closest(name, [...known.keys()]))}?`
}

/** The error for a name that a group does not have. */
export function unknownMember(
  group: string,
  name: unknown,
  known: ReadonlyMap<string, unknown>,
): ExovisorError {
  const shown = [...known.keys()].slice(0, MOST_NAMED).join(', ') || 'none'
  const near = suggestion(name, known)
  return new ExovisorError(
    'EXO_CHILD_UNKNOWN',
    `group ${show(group)} has no resource ${show(name)}${near} It has: ${shown}`,
    { details: { group, name } },
  )
}
