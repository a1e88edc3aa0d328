import { describe, expect, it } from 'vitest'
import { checkPolicy, policyFaults } from '../../src/supervision/check-policy.ts'
import {
  defaultPolicy,
  type Policy,
  type PolicyInput,
  type PolicyTable,
  supervisorPolicy,
} from '../../src/supervision/policy.ts'
import { layPolicies, resolvePolicy } from '../../src/supervision/resolve-policy.ts'

const resolve = (table: PolicyTable, policy?: string | PolicyInput): Policy =>
  resolvePolicy({ id: 'attic', kind: 'peer', ...(policy !== undefined && { policy }) }, table, defaultPolicy)

describe('the policy of a child', () => {
  it('comes from its own spec, else its name, else its kind, else the default', () => {
    const policies = {
      a: { startTimeout: 1 },
      b: { startTimeout: 2 },
      c: { startTimeout: 3 },
      d: { startTimeout: 4 },
    }
    const table = { policies, default: 'd', kinds: { peer: 'c' }, names: { attic: 'b' } }
    expect(resolve(table, 'a').startTimeout).toBe(1)
    expect(resolve(table).startTimeout).toBe(2)
    expect(resolve({ ...table, names: {} }).startTimeout).toBe(3)
    expect(resolve({ ...table, names: {}, kinds: {} }).startTimeout).toBe(4)
    expect(resolve({})).toEqual(defaultPolicy)
  })

  it('may be named by kind and id together', () => {
    expect(resolve({ names: { 'peer:attic': { startTimeout: 7 } } }).startTimeout).toBe(7)
  })

  it('given as fields is laid over the weaker ones, field by field', () => {
    const policy = resolve({
      kinds: { peer: { backoff: { max: 5_000, jitter: 'none' } } },
      names: { attic: { backoff: { max: 900 } } },
    })
    expect(policy.backoff).toEqual({ ...defaultPolicy.backoff, max: 900, jitter: 'none' })
  })

  it('given by name replaces the weaker ones', () => {
    const policy = resolve(
      { policies: { calm: { startTimeout: 5 } }, kinds: { peer: { shutdown: 77 } } },
      'calm',
    )
    expect(policy).toEqual({ ...defaultPolicy, startTimeout: 5 })
  })

  it('replaces a list as a whole', () => {
    expect(resolve({}, { on: ['ERROR'] }).on).toEqual(['ERROR'])
    expect(resolve({}, { on: [] }).on).toEqual([])
  })

  it('keeps what lies below where a field is given as undefined', () => {
    expect(resolve({ default: { startTimeout: 7 } }, { startTimeout: undefined }).startTimeout).toBe(7)
  })

  it('of an unknown name is refused with the names that there are as data', () => {
    expect(() => resolve({ policies: { network: {} } }, 'nobody')).toThrow(
      expect.objectContaining({ details: { policy: 'nobody', known: ['network'] } }),
    )
    expect(() => resolve({}, 'nobody')).toThrow('there is no policy "nobody"; the table has none')
  })

  it('of an unknown name is refused, with the nearest one', () => {
    expect(() => resolve({ policies: { network: {} } }, 'netwrok')).toThrow(
      expect.objectContaining({
        code: 'EXO_CHILD_SPEC_INVALID',
        message: 'policy of peer "attic": there is no policy "netwrok"; did you mean "network"?',
      }),
    )
    expect(() => resolve({ policies: {} }, 'constructor')).toThrow(/there is no policy "constructor"/)
  })
})

/** The default with some fields of it changed, unchecked. */
const layered = (change: PolicyInput): Policy => layPolicies(defaultPolicy, [change], () => undefined)

describe('checkPolicy', () => {
  it('accepts the defaults', () => {
    expect(policyFaults(defaultPolicy)).toEqual([])
    expect(policyFaults(supervisorPolicy)).toEqual([])
  })

  it.each<[string, PolicyInput]>([
    ['restart', { restart: 'always' as never }],
    ['on', { on: ['READY' as never] }],
    ['degraded.after.of', { degraded: { after: { of: 0, failures: 0 } } }],
    ['degraded.after.failures', { degraded: { after: { failures: 6 } } }],
    ['degraded.grace', { degraded: { grace: -1 } }],
    ['degraded.soft', { degraded: { soft: 1.5 } }],
    ['backoff.initial', { backoff: { initial: Number.NaN } }],
    ['backoff.factor', { backoff: { factor: 0.5 } }],
    ['backoff.max', { backoff: { max: Number.POSITIVE_INFINITY } }],
    ['backoff.jitter', { backoff: { jitter: 'some' as never } }],
    ['backoff.resetAfter', { backoff: { resetAfter: -5 } }],
    ['intensity.restarts', { intensity: { restarts: -1 } }],
    ['intensity.within', { intensity: { within: 0 } }],
    ['decide', { decide: ['stop'] as never }],
    ['decide', { decide: { '': 'stop' } }],
    ['decide', { decide: { ['x'.repeat(129)]: 'stop' } }],
    ['decide.TypeError', { decide: { TypeError: 'ignore' as never } }],
    ['decide.EXO_MODEL_INVALD', { decide: { EXO_MODEL_INVALD: 'stop' } }],
    ['decide', { decide: Object.fromEntries(Array.from({ length: 1_001 }, (_, at) => [`E${at}`, 'stop'])) }],
    ['decide', { decide: null as never }],
    ['backoff', { backoff: null as never }],
    ['degraded', { degraded: 3 as never }],
    ['degraded.after', { degraded: { after: '3 of 5' as never } }],
    ['circuit', { circuit: 0 }],
    ['circuit', { circuit: 'on' as never }],
    ['startTimeout', { startTimeout: 0 }],
    ['shutdown', { shutdown: 'never' as never }],
    ['probe.interval', { probe: { interval: 0 } }],
    ['probe.timeout', { probe: { timeout: 0 } }],
  ])('refuses a wrong %s and names it', (path, change) => {
    expect(() => resolve({}, change)).toThrow(
      expect.objectContaining({
        code: 'EXO_CHILD_SPEC_INVALID',
        message: expect.stringContaining(`policy of peer "attic": ${path}: is `),
      }),
    )
  })

  it.each<[string, PolicyInput]>([
    [
      'the least',
      { degraded: { after: { of: 1, failures: 1 }, grace: 0, soft: 0 }, circuit: 1, startTimeout: 1 },
    ],
    ['the least delay', { backoff: { initial: 0, factor: 1, max: 0, resetAfter: 0 }, shutdown: 0 }],
    ['the shortest times', { probe: { interval: 1, timeout: 1 }, intensity: { restarts: 0, within: 1 } }],
    ['the most', { degraded: { after: { of: 1_000, failures: 1_000 }, soft: 100 }, on: ['DEGRADED'] }],
    ['the most restarts', { backoff: { factor: 100, max: 0 }, intensity: { restarts: 100_000 } }],
    [
      'the longest times',
      { startTimeout: Number.POSITIVE_INFINITY, circuit: Number.MAX_VALUE, shutdown: 'infinity' },
    ],
    ['the longest decider', { decide: { ['x'.repeat(128)]: 'resume' } }],
    [
      'the most deciders',
      { decide: Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`E${at}`, 'stop'])) },
    ],
  ])('accepts %s that it allows', (_, change) => {
    expect(() => resolve({}, change)).not.toThrow()
  })

  it.each<[string, PolicyInput]>([
    ['degraded.after.of', { degraded: { after: { of: 1_001 } } }],
    ['degraded.after.failures', { degraded: { after: { failures: 0 } } }],
    ['degraded.soft', { degraded: { soft: 101 } }],
    ['backoff.factor', { backoff: { factor: 100.5 } }],
    ['intensity.restarts', { intensity: { restarts: 100_001 } }],
    ['circuit', { circuit: Number.POSITIVE_INFINITY }],
    ['startTimeout', { startTimeout: '5' as never }],
    ['shutdown', { shutdown: -1 }],
    ['on', { on: 'ERROR' as never }],
    ['backoff', { backoff: [] as never }],
    ['decide', { decide: { 'a.b': 'ignore' as never } }],
    ['decide', { decide: { '.b': 'ignore' as never } }],
    ['decide', { decide: { 'a.': 'ignore' as never } }],
    [`decide.${'x'.repeat(128)}`, { decide: { ['x'.repeat(128)]: 'ignore' as never } }],
    ['decide.$a*', { decide: { '$a*': 'ignore' as never } }],
  ])('refuses %s beyond what it allows', (path, change) => {
    expect(policyFaults(layered(change)).map(fault => fault.path)).toEqual([path])
  })

  it('lists every fault at once', () => {
    const policy = { ...defaultPolicy, restart: 'always', startTimeout: -3 } as unknown as Policy
    expect(policyFaults(policy).map(({ path }) => path)).toEqual(['restart', 'startTimeout'])
  })

  it('refuses a limit that its own backoff keeps from being reached, and names both numbers', () => {
    const slow = {
      backoff: { initial: 60_000, factor: 1, max: 60_000 },
      intensity: { restarts: 5, within: 300_000 },
    }
    expect(() => resolve({}, slow)).toThrow(
      '5 restarts can take 300000 ms of backoff, so the limit of 5 restarts within 300000 ms may never be reached',
    )
    expect(() => resolve({}, { ...slow, intensity: { restarts: 4, within: 300_000 } })).not.toThrow()
    expect(() => resolve({}, { ...slow, intensity: { restarts: 5, within: 300_001 } })).not.toThrow()
  })

  it('names the code of the catalogue that a wrong one is nearest to', () => {
    expect(() => resolve({}, { decide: { EXO_MODEL_INVALD: 'stop' } })).toThrow(/such as EXO_MODEL_INVALID/)
  })

  it('takes codes and classes that it does not know, and * for all others', () => {
    const decide = { ECONNREFUSED: 'restart', MyError: 'stop', '*': 'escalate', EXO_USAGE: 'resume' } as const
    expect(resolve({}, { decide, circuit: 30_000 })).toEqual({ ...defaultPolicy, decide, circuit: 30_000 })
  })

  it('permits no restart at all', () => {
    expect(() =>
      checkPolicy({ ...defaultPolicy, intensity: { restarts: 0, within: 1 } }, 'here'),
    ).not.toThrow()
  })
})
