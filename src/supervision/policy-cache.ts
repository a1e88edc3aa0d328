import { defaultPolicy, type Policy, type PolicyTable, supervisorPolicy } from './policy.ts'
import { resolvePolicy } from './resolve-policy.ts'
import type { AnyChildSpec, SupervisorInput } from './types.ts'

const has = (record: object | undefined, key: string): boolean =>
  record !== undefined && Object.hasOwn(record, key)

/**
 * The policies of the children of one supervisor. Children of one kind that say nothing of their own share one policy: ten thousand
 * of them are resolved and checked once, and hold one object.
 */
export class PolicyCache {
  readonly table: PolicyTable
  readonly #shared = new Map<string, Policy>()

  constructor(table: PolicyTable) {
    this.table = table
  }

  /** @throws EXO_CHILD_SPEC_INVALID for an unknown name or a policy with wrong values */
  of(spec: AnyChildSpec): Policy {
    const { id, policy } = spec
    const { kind } = spec.resource
    const { names } = this.table
    if (typeof policy === 'object' || has(names, id) || has(names, `${kind}:${id}`))
      return this.#resolve(spec)
    const key = JSON.stringify([kind, policy ?? '', spec.restart ?? '', spec.shutdown ?? ''])
    const known = this.#shared.get(key)
    if (known) return known
    const resolved = this.#resolve(spec)
    this.#shared.set(key, resolved)
    return resolved
  }

  /** A supervisor below takes this one's policies when it has none. */
  passedTo(spec: AnyChildSpec): AnyChildSpec {
    if (spec.resource.kind !== 'supervisor') return spec
    const input = spec.input as SupervisorInput | undefined
    return { ...spec, input: { ...input, policies: input?.policies ?? this.table } }
  }

  #resolve({ id, resource, policy, restart, shutdown }: AnyChildSpec): Policy {
    const { kind } = resource
    const base = kind === 'supervisor' ? supervisorPolicy : defaultPolicy
    const resolved = resolvePolicy({ id, kind, policy }, this.table, base)
    if (restart === undefined && shutdown === undefined) return resolved
    return {
      ...resolved,
      ...(restart !== undefined && { restart }),
      ...(shutdown !== undefined && { shutdown }),
    }
  }
}
