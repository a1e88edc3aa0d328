import { policyFaults } from './check-policy.ts'
import { type CheckedTable, checkPolicyName, faultKey, gives, namedPolicy } from './check-table.ts'
import { isId, type SpecFields, specRules } from './child-spec.ts'
import { defaultPolicy, type Policy, type PolicyInput } from './policy.ts'
import { layPolicies, policyLayers } from './resolve-policy.ts'
import { isRecord, type SpecFaults } from './spec-faults.ts'

/** What holds for all children of one supervisor. */
export interface Surroundings {
  readonly faults: SpecFaults
  readonly strategy: string
  readonly autoShutdown: unknown
  readonly table: CheckedTable
  /** The policies that several children share, so that each is checked once. */
  readonly shared: Map<string, Policy>
}

/** Fields that are sound, as far as a policy needs them. */
type SoundFields = SpecFields & { readonly restart?: Policy['restart'] }

/** The policy that holds for a child, or undefined when nobody can tell. Its faults are told once, where they come from. */
function checkChildPolicy(fields: SoundFields, kind: string, path: string, around: Surroundings): Policy {
  const { faults, shared } = around
  const { table, told } = around.table
  const { policy, restart } = fields
  const own = policy as string | PolicyInput | undefined
  if (typeof own === 'string') checkPolicyName(faults, `${path}.policy`, own, table)
  const layers = policyLayers({ id: isId(fields.id) ? fields.id : '', kind, policy: own }, table)
  const isShared = !isRecord(own) && layers[2] === undefined
  const key = JSON.stringify([kind, own ?? '', restart ?? ''])
  const known = isShared ? shared.get(key) : undefined
  if (known) return known
  // What a supervisor has in place of some defaults is as sound as they are.
  const laid = layPolicies(defaultPolicy, layers, name => namedPolicy(table, name))
  const resolved = { ...laid, ...(restart !== undefined && { restart }) }
  if (isShared) shared.set(key, resolved)
  for (const fault of policyFaults(resolved)) {
    if (told.has(faultKey(fault)) && !gives(own, fault.path)) continue
    faults.add(`${path}.policy.${fault.path}`, fault.message, fault.expected)
  }
  return resolved
}

/** OTP's bad_combination: adds what speaks against a child being significant. */
function checkSignificance(
  path: string,
  { restart }: Pick<Policy, 'restart'>,
  { faults, autoShutdown }: Pick<Surroundings, 'faults' | 'autoShutdown'>,
): void {
  if (autoShutdown === 'never')
    faults.add(path, 'is true under autoShutdown never', 'autoShutdown any_significant or all_significant')
  if (restart === 'permanent')
    faults.add(path, 'is true for a permanent child', 'restart transient or temporary')
}

const without = (fields: SpecFields, broken: ReadonlySet<string>): SpecFields =>
  Object.fromEntries(Object.entries(fields).filter(([key]) => !broken.has(key)))

/**
 * Adds what is wrong with one spec, or with a template, its id and its siblings aside.
 * @returns the kind of the child, if it has one
 */
export function checkChild(fields: SpecFields, path: string, around: Surroundings): unknown {
  const { faults } = around
  const { kind, broken } = faults.attempt(`${path}.resource`, () => ({
    kind: (fields.resource as { readonly kind?: unknown } | null | undefined)?.kind,
    broken: new Set(faults.addBroken(specRules(fields), path)),
  })) ?? { kind: undefined, broken: new Set(['policy']) }
  if (broken.has('policy')) return kind
  const sound = (broken.size === 0 ? fields : without(fields, broken)) as SoundFields
  const policy = faults.attempt(`${path}.policy`, () => checkChildPolicy(sound, String(kind), path, around))
  if (sound.significant === true && policy && !broken.has('restart'))
    checkSignificance(`${path}.significant`, policy, around)
  return kind
}
