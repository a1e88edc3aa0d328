import { closest } from 'fastest-levenshtein'
import { ExovisorError } from '../errors.ts'
import { checkPolicy } from './check-policy.ts'
import type { Policy, PolicyInput, PolicyTable } from './policy.ts'

type Tree = Readonly<Record<string, unknown>>

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `over` laid on `base`: a given field wins, an object field by field, an array as a whole. */
function overlay(base: Tree, over: Tree): Tree {
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const below = base[key]
    if (value !== undefined) merged[key] = isTree(below) && isTree(value) ? overlay(below, value) : value
  }
  return merged
}

function named(name: string, { policies = {} }: PolicyTable, where: string): PolicyInput {
  const policy = Object.hasOwn(policies, name) ? policies[name] : undefined
  if (policy) return policy
  const names = Object.keys(policies)
  const hint =
    names.length > 0 ? `did you mean ${JSON.stringify(closest(name, names))}?` : 'the table has none'
  throw new ExovisorError(
    'EXO_CHILD_SPEC_INVALID',
    `${where}: there is no policy ${JSON.stringify(name)}; ${hint}`,
    {
      details: { policy: name, known: names },
    },
  )
}

const own = <T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined =>
  record && Object.hasOwn(record, key) ? record[key] : undefined

/**
 * The policy of one child. From the weakest to the strongest: `base`, the table's default, its kind, its name, the child's own.
 * A policy given as fields is laid over the weaker ones; one given by name replaces them.
 *
 * @throws EXO_CHILD_SPEC_INVALID for an unknown name or a policy that {@link checkPolicy} refuses
 */
export function resolvePolicy(
  child: { readonly id: string; readonly kind: string; readonly policy?: string | PolicyInput | undefined },
  table: PolicyTable,
  base: Policy,
): Policy {
  const { id, kind } = child
  const where = `policy of ${kind} ${JSON.stringify(id)}`
  const byName = own(table.names, id) ?? own(table.names, `${kind}:${id}`)
  let merged: Tree = base as unknown as Tree
  for (const layer of [table.default, own(table.kinds, kind), byName, child.policy]) {
    if (typeof layer === 'string')
      merged = overlay(base as unknown as Tree, named(layer, table, where) as Tree)
    else if (layer !== undefined) merged = overlay(merged, layer as Tree)
  }
  const policy = merged as unknown as Policy
  checkPolicy(policy, where)
  return policy
}
