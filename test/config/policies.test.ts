import { describe, expect, it } from 'vitest'
import { supervisor as supervisorMachine } from '../../machines/supervisor.ts'
import { valuePaths } from '../../src/config/layers.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { builtinKinds, builtinPolicies, resourceKinds } from '../../src/config/policies.ts'
import { resolvePolicies } from '../../src/config/resolve-policies.ts'
import { configSchema } from '../../src/config/schema.ts'
import { longestBackoff } from '../../src/supervision/backoff.ts'
import { policyFaults } from '../../src/supervision/check-policy.ts'
import {
  defaultPolicy,
  type Policy,
  type PolicyTable,
  supervisorPolicy,
} from '../../src/supervision/policy.ts'
import { resolvePolicy } from '../../src/supervision/resolve-policy.ts'
import { faultsOf } from './faults-of.ts'

const at = (value: unknown, path: readonly string[]) =>
  path.reduce((inner, key) => (inner as Record<string, unknown>)[key], value)

const resolved = (text = '') => resolvePolicies(parseConfig({ text }).config)

/** The policy that supervision gives a child under a configuration. */
function policyOf(kind: string, id: string, text = ''): Policy {
  const table: PolicyTable = resolved(text)
  return resolvePolicy({ id, kind }, table, kind === 'supervisor' ? supervisorPolicy : defaultPolicy)
}

describe('the built-in policies', () => {
  it('have the same default as supervision, also for supervisors', () => {
    expect(resolved().default).toEqual(defaultPolicy)
    expect(policyOf('anything', 'x')).toEqual(defaultPolicy)
    expect(policyOf('supervisor', 'x')).toEqual(supervisorPolicy)
    expect(supervisorMachine.id).toBe('supervisor')
  })

  it('are each described in one sentence', () => {
    for (const { description } of Object.values(builtinPolicies))
      expect(description).toMatch(/^[a-z][^.]{30,140}$/)
  })

  it('belong to the kinds that a node runs', () => {
    for (const [kind, name] of Object.entries(builtinKinds)) {
      expect(resourceKinds).toContain(kind)
      expect(policyOf(kind, 'x')).toEqual(resolved().policies[name])
    }
  })

  it.each(Object.keys(builtinPolicies))(
    'can be given up on: %s, even when every start takes its whole time',
    name => {
      const policy = resolved().policies[name]
      if (policy === undefined) throw new Error(name)
      expect(policyFaults(policy)).toEqual([])
      const { intensity, backoff, startTimeout } = policy
      const starting = Number.isFinite(startTimeout) ? startTimeout * (intensity.restarts + 1) : 0
      expect(longestBackoff(backoff, intensity.restarts) + starting).toBeLessThan(intensity.within)
    },
  )

  it('never let an unreachable peer bring down the supervisor above its own', () => {
    const { backoff, intensity } = policyOf('peer', 'attic')
    const above = policyOf('supervisor', 'peers').intensity
    expect(backoff.jitter).toBe('equal')
    let earliest = 0
    for (let attempt = 0; attempt < intensity.restarts; attempt += 1)
      earliest += Math.min(backoff.max, (backoff.initial * backoff.factor ** attempt) / 2)
    expect(earliest).toBeGreaterThan(380_000)
    expect(earliest * (above.restarts + 1)).toBeGreaterThan(above.within * 5)
  })
})

describe('a policy of the file', () => {
  it('changes the keys that it gives and no other', () => {
    const before = resolved()
    const after = resolved(
      'supervision: { policies: { network: { shutdown: 1s, degraded: { grace: 1m } } } }',
    )
    const network = before.policies['network']
    expect(after.policies['network']).toEqual({
      ...network,
      shutdown: 1_000,
      degraded: { ...network?.degraded, grace: 60_000 },
    })
    expect({ ...after.policies, network }).toEqual(before.policies)
    expect(after.kinds['peer']).toEqual(after.policies['network'])
  })

  it('injects no default: each key alone stays alone', () => {
    const leaves = valuePaths(builtinPolicies.default.policy)
    expect(leaves).toHaveLength(18)
    for (const path of leaves) {
      const alone = path.reduceRight<unknown>(
        (inner, key) => ({ [key]: inner }),
        at(builtinPolicies.default.policy, path),
      )
      const override = configSchema.parse({ supervision: { names: { x: alone } } }).supervision.names['x']
      const expected = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), at(defaultPolicy, path))
      expect(override, path.join('.')).toEqual(expected)
    }
  })

  it('of a new name starts from default, which itself may be changed', () => {
    const { policies, default: fallback } = resolved(
      'supervision: { policies: { default: { shutdown: 9s }, mine: { restart: temporary } } }',
    )
    expect(fallback).toEqual({ ...defaultPolicy, shutdown: 9_000 })
    expect(policies['mine']).toEqual({ ...defaultPolicy, shutdown: 9_000, restart: 'temporary' })
    expect(policies['network']?.shutdown).toBe(9_000)
    expect(policies['server']?.shutdown).toBe(10_000)
  })

  it('may decide by error code, by class and for all others, and may have a circuit', () => {
    const text = `supervision:
  policies:
    default: { decide: { EXO_MODEL_INVALID: stop, '*': restart }, circuit: 30s }
    network: { decide: { TypeError: escalate }, backoff: { jitter: decorrelated } }`
    expect(policyOf('x', 'x', text)).toEqual({
      ...defaultPolicy,
      decide: { EXO_MODEL_INVALID: 'stop', '*': 'restart' },
      circuit: 30_000,
    })
    expect(policyOf('peer', 'attic', text)).toMatchObject({
      decide: { EXO_MODEL_INVALID: 'stop', TypeError: 'escalate', '*': 'restart' },
      circuit: 30_000,
      backoff: { jitter: 'decorrelated' },
    })
    expect(policyOf('x', 'x', 'supervision: { policies: { default: { circuit: off } } }')).toEqual(
      defaultPolicy,
    )
  })

  it.each([
    ['decide: { EXO_MODEL_INVALD: stop }', 'decide.EXO_MODEL_INVALD', 'EXO_MODEL_INVALID', 'stop'],
    ['decide: { TypeError: ignore }', 'decide.TypeError', 'resume, restart, stop, escalate', 'ignore'],
    ['decide: [ stop ]', 'decide', 'names and values', '[ stop'],
    ['circuit: 0s', 'circuit', 'off, or a duration', '0s'],
    ['circuit: on', 'circuit', 'off, or a duration', 'on }'],
  ])('with the fault %s is refused where it stands', (part, path, expected, marker) => {
    const text = `supervision: { policies: { default: { ${part} } } }`
    const message = expect.stringContaining(expected)
    expect(faultsOf(text)).toMatchObject([
      { path: `supervision.policies.default.${path}`, line: 1, column: text.indexOf(marker) + 1, message },
    ])
  })

  it('keeps the case of codes and classes that the environment gives', () => {
    const env = {
      EXOVISOR_SUPERVISION__POLICIES__DEFAULT__DECIDE__EXO_MODEL_INVALID: 'stop',
      EXOVISOR_SUPERVISION__KINDS__PEER__DECIDE: '{ TypeError: escalate }',
    }
    const { kinds, default: fallback } = resolvePolicies(parseConfig({ env }).config)
    expect(fallback.decide).toEqual({ EXO_MODEL_INVALID: 'stop' })
    expect(kinds['peer']?.decide).toEqual({ EXO_MODEL_INVALID: 'stop', TypeError: 'escalate' })
  })

  it('takes infinity and kill where they make sense', () => {
    const policy = policyOf(
      'x',
      'x',
      'supervision: { policies: { default: { startTimeout: infinity, shutdown: kill } } }',
    )
    expect(policy).toEqual({ ...defaultPolicy, startTimeout: Number.POSITIVE_INFINITY, shutdown: 'kill' })
  })
})

describe('keys for a kind or a name', () => {
  it('start from the policy that the kind has by default', () => {
    const { kinds } = resolved(
      'supervision: { kinds: { inference: { shutdown: 1s }, node: { shutdown: 1s } } }',
    )
    expect(kinds['inference']).toEqual({ ...resolved().policies['engine'], shutdown: 1_000 })
    expect(kinds['node']).toEqual({ ...defaultPolicy, shutdown: 1_000 })
    expect(kinds['peer']).toEqual(resolved().policies['network'])
  })

  it('change a single child and leave its kind alone', () => {
    const text = "supervision: { names: { 'peer:attic': { degraded: { grace: 1m } } } }"
    const network = resolved().policies['network'] as Policy
    expect(policyOf('peer', 'attic', text)).toEqual({
      ...network,
      degraded: { ...network.degraded, grace: 60_000 },
    })
    expect(policyOf('peer', 'cellar', text)).toEqual(network)
  })

  it('may name a policy instead', () => {
    const text = 'supervision: { kinds: { peer: server }, names: { attic: engine } }'
    expect(policyOf('peer', 'cellar', text)).toEqual(resolved().policies['server'])
    expect(policyOf('peer', 'attic', text)).toEqual(resolved().policies['engine'])
  })

  it('allow a kind of resource that the caller knows', () => {
    const text = 'supervision: { kinds: { cache: network } }'
    expect(faultsOf(text)).toHaveLength(1)
    expect(faultsOf({ text, extraKinds: ['cache'] })).toEqual([])
  })

  it('find no policy by a name that every object has', () => {
    expect(faultsOf('supervision: { kinds: { peer: toString }, names: { x: constructor } }')).toHaveLength(2)
  })
})

describe('a policy that can never be given up on', () => {
  it.each([
    [
      'policies: { slow: { backoff: { initial: 1m, max: 2m } } }',
      'supervision.policies.slow.intensity.within',
      '{ backoff',
    ],
    [
      'policies: { slow: { intensity: { restarts: 100 } } }',
      'supervision.policies.slow.intensity.within',
      '{ restarts',
    ],
    ['kinds: { peer: { intensity: { within: 1m } } }', 'supervision.kinds.peer.intensity.within', '1m'],
    [
      "names: { 'peer:attic': { intensity: { within: 1m } } }",
      'supervision.names["peer:attic"].intensity.within',
      '1m',
    ],
    [
      'names: { attic: { backoff: { initial: 20m, max: 20m } } }',
      'supervision.names.attic.intensity.within',
      '{ backoff',
    ],
  ])('is refused where it stands: %s', (part, path, marker) => {
    const text = `supervision: { ${part} }`
    const message = expect.stringContaining('may never be reached')
    expect(faultsOf(text)).toMatchObject([{ path, line: 1, column: text.indexOf(marker) + 1, message }])
  })

  it('is refused at default when another inherits the problem from there', () => {
    const text = 'supervision: { policies: { default: { backoff: { max: 80s } } } }'
    const message = expect.stringContaining('in the policy network, which starts from it')
    expect(faultsOf(text)).toMatchObject([
      { path: 'supervision.policies.default.intensity.within', line: 1, message },
    ])
  })

  it('is accepted for a name whose kind nobody can tell, as long as it fits one kind', () => {
    expect(faultsOf('supervision: { names: { attic: { intensity: { restarts: 10 } } } }')).toEqual([])
  })
})
