import { causeChain, textOf } from './cause-chain.ts'
import { isIncurable } from './incurable.ts'
import type { Directive, Policy } from './policy.ts'

/**
 * Where a fault came up: `failure`, the resource failed while it worked; `handler`, it threw while it handled a `tell`; `start`, a
 * restart did not get to READY.
 */
export type FaultKind = 'failure' | 'handler' | 'start'

const MOST_CLASSES = 16

/** The names of the classes that an error is of, the nearest first. */
function classesOf(error: unknown): readonly string[] {
  const names: string[] = []
  try {
    for (
      let prototype: unknown = error;
      typeof prototype === 'object' && prototype !== null && names.length < MOST_CLASSES;
      prototype = Object.getPrototypeOf(prototype)
    ) {
      const name = prototype.constructor?.name
      if (typeof name === 'string' && names.at(-1) !== name) names.push(name)
    }
  } catch {
    // What cannot be looked at has no class that a table could name.
  }
  return names
}

/** The keys that a table may have for an error, the ones that count first first. */
function* keysOf(error: unknown): Generator<string | undefined> {
  const chain = causeChain(error)
  for (const link of chain) yield textOf(link, 'code')
  const classes = chain.map(classesOf)
  for (const [index, link] of chain.entries()) {
    const [own, ...above] = classes[index] ?? []
    const name = textOf(link, 'name')
    // An error whose class gives it no name has that of a class above, which has its turn later.
    if (name !== undefined && !above.includes(name)) yield name
    yield own
  }
  for (const names of classes) yield* names
  yield '*'
}

function isEmpty(table: object): boolean {
  for (const key in table) if (Object.hasOwn(table, key)) return false
  return true
}

function decided(error: unknown, { decide }: Policy): Directive | undefined {
  if (isEmpty(decide)) return undefined
  for (const key of keysOf(error)) if (key !== undefined && Object.hasOwn(decide, key)) return decide[key]
  return undefined
}

function byDefault(error: unknown, { restart }: Policy, kind: FaultKind): Directive {
  if (kind === 'handler') return 'resume'
  if (!isIncurable(error)) return 'restart'
  return restart === 'permanent' ? 'escalate' : 'stop'
}

/**
 * What follows a fault: Pekko's decider, as a table. The first of these that `policy.decide` has decides: the code of the error, the codes
 * of its causes, the names of their classes, the names of the classes those extend, `*`. The outer error counts before its cause. Codes
 * that are numbers, such as gRPC's, are looked up as text.
 *
 * When the table says nothing, a fault of a handler resumes. One that no restart cures ({@link isIncurable}) escalates for a permanent
 * child and stops any other one. Everything else is restarted, by the child's restart type.
 *
 * A start that failed left nothing that could go on: there, `resume` is `restart`.
 */
export function directiveFor(error: unknown, policy: Policy, kind: FaultKind): Directive {
  const directive = decided(error, policy) ?? byDefault(error, policy, kind)
  return kind === 'start' && directive === 'resume' ? 'restart' : directive
}
