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

/** A child, as far as its policy goes. */
export interface PolicyOwner {
  readonly id: string
  readonly kind: string
  readonly policy?: string | PolicyInput | undefined
}

/** Lays policies over `base`, the weakest first. One given as fields is laid over the weaker ones; one given by name replaces them. */
export function layPolicies(
  base: Policy,
  layers: readonly (string | PolicyInput | undefined)[],
  find: (name: string) => PolicyInput | undefined,
): Policy {
  let merged = base as unknown as Tree
  for (const layer of layers) {
    const fields = typeof layer === 'string' ? find(layer) : layer
    if (isTree(fields))
      merged = overlay(typeof layer === 'string' ? (base as unknown as Tree) : merged, fields)
  }
  return merged as unknown as Policy
}

/** What a table and a child say of the child's policy, the weakest first: the table's default, its kind, its name, the child's own. */
export function policyLayers(
  { id, kind, policy }: PolicyOwner,
  table: PolicyTable,
): readonly (string | PolicyInput | undefined)[] {
  const byName = own(table.names, id) ?? own(table.names, `${kind}:${id}`)
  return [table.default, own(table.kinds, kind), byName, policy]
}

/**
 * The policy of one child. From the weakest to the strongest: `base`, the table's default, its kind, its name, the child's own.
 * A policy given as fields is laid over the weaker ones; one given by name replaces them.
 *
 * @throws EXO_CHILD_SPEC_INVALID for an unknown name or a policy that {@link checkPolicy} refuses
 */
export function resolvePolicy(child: PolicyOwner, table: PolicyTable, base: Policy): Policy {
  const where = `policy of ${child.kind} ${JSON.stringify(child.id)}`
  const policy = layPolicies(base, policyLayers(child, table), name => named(name, table, where))
  checkPolicy(policy, where)
  return policy
}
