import { closest } from 'fastest-levenshtein'
import { type PolicyFault, policyFaults, policyValueFaults } from './check-policy.ts'
import { defaultPolicy, type Policy, type PolicyInput, type PolicyTable } from './policy.ts'
import { layPolicies } from './resolve-policy.ts'
import { isRecord, keyed, quote, type SpecFaults } from './spec-faults.ts'

/** A policy of that name, if the table has it. */
export function namedPolicy({ policies }: PolicyTable, name: string): PolicyInput | undefined {
  return isRecord(policies) && Object.hasOwn(policies, name) ? policies[name] : undefined
}

/** Adds a fault when a table has no policy of that name. */
export function checkPolicyName(faults: SpecFaults, path: string, name: string, table: PolicyTable): void {
  if (namedPolicy(table, name)) return
  const names = Object.keys(isRecord(table.policies) ? table.policies : {})
  const expected = names.length > 0 ? `a policy of the table, such as ${closest(name, names)}` : 'no name'
  const none = names.length > 0 ? '' : '; the table has none'
  faults.add(path, `is ${quote(name)}, which is no policy${none}`, expected)
}

/** A table to look up policies in, whose parts hold what they should. What does not is left out. */
function soundTable(
  table: Readonly<Record<'default' | 'policies' | 'kinds' | 'names', unknown>>,
): PolicyTable {
  const { default: fallback, policies, kinds, names } = table
  return {
    default: fallback,
    ...(isRecord(policies) && { policies }),
    ...(isRecord(kinds) && { kinds }),
    ...(isRecord(names) && { names }),
  } as PolicyTable
}

/** A table whose faults have been told. */
export interface CheckedTable {
  /** Without the parts that are none. */
  readonly table: PolicyTable
  /** Its faults by {@link faultKey}: a child that has one from here is not to blame. */
  readonly told: ReadonlySet<string>
}

/** The same for the same fault of a policy, wherever the policy stands. */
export const faultKey = ({ path, message }: PolicyFault): string => `${path} ${message}`

/** One check of a table. */
class TableCheck {
  readonly told = new Set<string>()
  readonly #faults: SpecFaults
  readonly #table: PolicyTable

  constructor(faults: SpecFaults, table: PolicyTable) {
    this.#faults = faults
    this.#table = table
  }

  /**
   * One entry, laid over those that it stands on. What these are to blame for has been told.
   * @param find what is wrong with the outcome
   */
  layer(
    path: string,
    layer: unknown,
    under: readonly (string | PolicyInput | undefined)[],
    find: (policy: Policy) => readonly PolicyFault[],
  ): void {
    if (typeof layer === 'string') {
      checkPolicyName(this.#faults, path, layer, this.#table)
    } else if (isRecord(layer)) {
      const laid = layPolicies(defaultPolicy, [...under, layer], name => namedPolicy(this.#table, name))
      const before = new Set(under.length === 0 ? [] : this.told)
      for (const fault of find(laid)) {
        if (before.has(faultKey(fault)) && !gives(layer, fault.path)) continue
        this.told.add(faultKey(fault))
        this.#faults.add(`${path}.${fault.path}`, fault.message, fault.expected)
      }
    } else {
      this.#faults.add(path, `is ${quote(layer)}`, 'the name of a policy, or fields of one')
    }
  }
}

/** True when fields of a policy say something at a path such as `backoff.max`. */
export function gives(fields: unknown, path: string): boolean {
  let at = fields
  for (const key of path.split('.')) {
    if (!isRecord(at) || !Object.hasOwn(at, key)) return false
    at = at[key]
  }
  return true
}

/** Adds what is wrong with a table of policies, whether a child uses it or not. A fault that an entry has from `default` is told there. */
export function checkTable(faults: SpecFaults, value: unknown, path: string): CheckedTable {
  if (!isRecord(value)) {
    faults.add(path, `is ${quote(value)}`, 'default, policies, kinds and names')
    return { table: {}, told: new Set() }
  }
  const given = faults.fields(value, ['default', 'policies', 'kinds', 'names'], path)
  const table = soundTable(given)
  const check = new TableCheck(faults, table)
  for (const key of ['policies', 'kinds', 'names'] as const) {
    if (given[key] !== undefined && !isRecord(given[key]))
      faults.add(`${path}.${key}`, `is ${quote(given[key])}`, 'policies by name')
  }
  faults.attempt(path, () => {
    const { policies = {}, kinds = {}, names = {} } = table
    for (const [name, policy] of Object.entries(policies)) {
      const at = keyed(`${path}.policies`, name)
      if (isRecord(policy)) check.layer(at, policy, [], policyFaults)
      else faults.add(at, `is ${quote(policy)}`, 'fields of a policy')
    }
    if (given.default !== undefined) check.layer(`${path}.default`, given.default, [], policyFaults)
    for (const [kind, layer] of Object.entries(kinds))
      check.layer(keyed(`${path}.kinds`, kind), layer, [table.default], policyFaults)
    // What a name is laid over is known only when its child is.
    for (const [name, layer] of Object.entries(names))
      check.layer(keyed(`${path}.names`, name), layer, [table.default], policyValueFaults)
  })
  return { table, told: check.told }
}
