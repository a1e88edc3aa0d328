import { type PolicyFault, policyFaults } from '../supervision/check-policy.ts'
import { type ConfigFault, configFault, unknownWord } from './faults.ts'
import { isValues, type MergedLayers, type Values } from './layers.ts'
import type { Path } from './path.ts'
import { resourceKinds } from './policies.ts'
import { overridePolicy, type ResolvedPolicies, resolvePolicies } from './resolve-policies.ts'
import { type Config, configSchema, type PolicyOverride } from './schema.ts'
import { formatDuration, parseDuration } from './units.ts'

type Supervision = Config['supervision']

/**
 * The rules that join several keys. Parts that break the schema are left out, because their faults are known already.
 * @param kinds kinds of resource that exist beside {@link resourceKinds}
 */
export function crossFaults(merged: MergedLayers, kinds: readonly string[]): ConfigFault[] {
  const values = section(merged.values, 'supervision')
  const known = [...resourceKinds, ...kinds]
  const policies = Object.keys(section(values, 'policies'))
  return [
    ...unknownKinds(merged, section(values, 'kinds'), known),
    ...unknownPolicies(merged, 'kinds', section(values, 'kinds'), policies),
    ...unknownPolicies(merged, 'names', section(values, 'names'), policies),
    ...senselessPolicies(merged, validParts(values)),
    ...impatientDiscovery(merged),
  ]
}

function section(values: Values, key: string): Values {
  const value = Object.hasOwn(values, key) ? values[key] : undefined
  return isValues(value) ? value : {}
}

function unknownKinds(merged: MergedLayers, kinds: Values, known: readonly string[]): ConfigFault[] {
  return Object.keys(kinds)
    .filter(kind => !known.includes(kind))
    .map(kind => {
      const path = ['supervision', 'kinds', kind]
      return unknownWord(merged.origin(path, 'key'), path, 'the kind of resource', kind, known)
    })
}

function unknownPolicies(
  merged: MergedLayers,
  map: 'kinds' | 'names',
  entries: Values,
  known: readonly string[],
): ConfigFault[] {
  return Object.entries(entries).flatMap(([key, policy]) => {
    if (typeof policy !== 'string' || known.includes(policy)) return []
    const path = ['supervision', map, key]
    return [unknownWord(merged.origin(path), path, 'the policy', policy, known)]
  })
}

/** The entries that parse; the others have faults of their own. */
function validParts(values: Values): Supervision {
  const { shape } = configSchema.shape.supervision.unwrap()
  const valid = <Value>(map: keyof Supervision, schema: { safeParse(entry: unknown): Parsed<Value> }) =>
    Object.fromEntries(
      Object.entries(section(values, map)).flatMap(([key, value]) => {
        const { data } = schema.safeParse({ [key]: value })
        return data === undefined ? [] : Object.entries(data)
      }),
    )
  return {
    policies: valid('policies', shape.policies),
    kinds: valid('kinds', shape.kinds),
    names: valid('names', shape.names),
  }
}

type Parsed<Value> = { readonly data?: Readonly<Record<string, Value>> | undefined }

/** Each policy that some source changed and that cannot work; one that only inherits a problem is told at `default`. */
function senselessPolicies(merged: MergedLayers, supervision: Supervision): ConfigFault[] {
  const resolved = resolvePolicies({ supervision })
  const root = ['supervision', 'policies', 'default']
  const ofDefault = new Set(policyFaults(resolved.default).map(({ message }) => message))
  const isChanged = (path: Path): boolean => merged.origin(path).source !== 'default'
  const whole = (['policies', 'kinds'] as const).flatMap(map =>
    Object.entries(resolved[map]).flatMap(([name, policy]) => {
      const path = ['supervision', map, name]
      if (typeof supervision[map][name] === 'string') return []
      if (isChanged(path)) return policyFaults(policy).map(problem => policyFault(merged, path, problem))
      if (map === 'kinds' || !isChanged(root)) return []
      return policyFaults(policy)
        .filter(problem => !ofDefault.has(problem.message))
        .map(problem => policyFault(merged, root, problem, `in the policy ${name}, which starts from it: `))
    }),
  )
  const single = Object.entries(resolved.names).flatMap(([name, keys]) => {
    if (typeof keys === 'string') return []
    const [problem] = namedProblems(name, keys, resolved)
    return problem === undefined ? [] : [policyFault(merged, ['supervision', 'names', name], problem)]
  })
  return [...whole, ...single]
}

/** What is wrong with the keys of a name: for its kind if the name tells it, else only what is wrong for every kind. */
function namedProblems(
  name: string,
  keys: PolicyOverride,
  { default: fallback, kinds }: ResolvedPolicies,
): readonly PolicyFault[] {
  const kind = name.slice(0, Math.max(0, name.indexOf(':')))
  const bases = Object.hasOwn(kinds, kind) ? [kinds[kind] ?? fallback] : [fallback, ...Object.values(kinds)]
  const problems = bases.map(base => policyFaults(overridePolicy(base, keys)))
  return problems.find(found => found.length === 0) ?? problems[0] ?? []
}

function policyFault(merged: MergedLayers, policy: Path, problem: PolicyFault, remark = ''): ConfigFault {
  const path = [...policy, ...problem.path.split('.')]
  const group = path.slice(0, policy.length + 1)
  const origins = [path, group, policy].map(at => merged.origin(at))
  const origin = origins.find(({ source }) => source !== 'default') ?? { source: 'default' }
  return configFault(origin, path, `${remark}${problem.message}, expected ${problem.expected}`, {
    expected: problem.expected,
  })
}

function impatientDiscovery(merged: MergedLayers): ConfigFault[] {
  const udp = section(section(merged.values, 'discovery'), 'udp')
  const [interval, timeout] = [milliseconds(udp['interval']), milliseconds(udp['timeout'])]
  if (interval === undefined || timeout === undefined || timeout > interval) return []
  const path = ['discovery', 'udp', 'timeout']
  const own = merged.origin(path)
  const origin = own.source === 'default' ? merged.origin(['discovery', 'udp', 'interval']) : own
  const expected = `more than discovery.udp.interval, which is ${formatDuration(interval)}`
  const message = `expected ${expected}, got ${formatDuration(timeout)}: every peer would be lost between two announcements`
  return [configFault(origin, path, message, { expected })]
}

function milliseconds(value: unknown): number | undefined {
  return typeof value === 'string' ? parseDuration(value) : typeof value === 'number' ? value : undefined
}
