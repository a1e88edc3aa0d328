import { builtinKinds, builtinPolicies } from './policies.ts'
import { type CompletePolicy, type Config, completePolicy, type PolicyOverride } from './schema.ts'

type Supervision = Config['supervision']

/**
 * The policies of a configuration in milliseconds: a PolicyTable of supervision. All but `names` leave nothing open.
 * What `names` holds is laid over the policy of the child's kind when the child is known.
 */
export interface ResolvedPolicies {
  /** For a child that nothing else says anything of. */
  readonly default: CompletePolicy
  /** By the name that a child spec gives. */
  readonly policies: Readonly<Record<string, CompletePolicy>>
  /** By kind of resource. */
  readonly kinds: Readonly<Record<string, CompletePolicy>>
  /** By id of a child, or `kind:id`: the name of a policy, or some keys of one. */
  readonly names: Readonly<Record<string, string | PolicyOverride>>
}

/** Lays some keys of a policy over a whole one. Groups like `degraded` are laid over key by key. */
export function overridePolicy(base: CompletePolicy, keys: PolicyOverride): CompletePolicy {
  return {
    ...base,
    ...keys,
    degraded: { ...base.degraded, ...keys.degraded },
    backoff: { ...base.backoff, ...keys.backoff },
    intensity: { ...base.intensity, ...keys.intensity },
    decide: { ...base.decide, ...keys.decide },
    probe: { ...base.probe, ...keys.probe },
  }
}

/**
 * Fills in what the policies of a configuration leave open.
 *
 * - `policies.default` starts from the built-in default, and any other policy of `policies` from that.
 * - Keys given for a kind start from the policy that the kind has by default, `default` for a kind that has none.
 *
 * @param supervision its policy names must exist, as parseConfig sees to; one that does not counts as `default`
 */
export function resolvePolicies({ supervision }: { readonly supervision: Supervision }): ResolvedPolicies {
  const builtin = completePolicy.parse(builtinPolicies.default.policy)
  const fallback = overridePolicy(builtin, own(supervision.policies, 'default') ?? {})
  const policies = mapEntries(supervision.policies, keys => overridePolicy(fallback, keys))
  const named = (name: string): CompletePolicy => own(policies, name) ?? fallback
  const kinds = mapEntries(supervision.kinds, (value, kind) =>
    typeof value === 'string'
      ? named(value)
      : overridePolicy(named(own(builtinKinds, kind) ?? 'default'), value),
  )
  return { default: fallback, policies, kinds, names: supervision.names }
}

function own<Value>(map: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined
}

function mapEntries<Value, Result>(
  map: Readonly<Record<string, Value>>,
  change: (value: Value, key: string) => Result,
): Readonly<Record<string, Result>> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value, key)]))
}
