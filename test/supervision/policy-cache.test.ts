import { describe, expect, it } from 'vitest'
import { defaultPolicy, type PolicyTable, supervisorPolicy } from '../../src/supervision/policy.ts'
import { PolicyCache } from '../../src/supervision/policy-cache.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import type { AnyChildSpec } from '../../src/supervision/types.ts'
import { kid } from './tree.ts'

const table: PolicyTable = {
  policies: { slow: { startTimeout: 9 }, fast: { startTimeout: 1 } },
  names: { named: { startTimeout: 5 }, 'scripted:attic': 'slow' },
}
const spec = (id: string, more: Partial<AnyChildSpec> = {}): AnyChildSpec => ({ ...kid(id).spec, ...more })
const nested = (input: object): AnyChildSpec => ({ id: 's', resource: supervisorResource, input }) as never

describe('the policies of the children of one supervisor', () => {
  it('are one object for all of a kind that say the same, and another one for each that says something else', () => {
    const cache = new PolicyCache(table)
    for (const more of [{}, { policy: 'slow' }, { restart: 'transient' }, { shutdown: 5 }] as const)
      expect(cache.of(spec('a', more)), JSON.stringify(more)).toBe(cache.of(spec('b', more)))
    const all = [
      {},
      { policy: 'slow' },
      { policy: 'fast' },
      { restart: 'transient' },
      { restart: 'temporary' },
    ] as const
    const more = [{ shutdown: 5 }, { shutdown: 6 }, { shutdown: 'kill' }] as const
    expect(new Set([...all, ...more].map(each => cache.of(spec('a', each)))).size).toBe(8)
    expect(cache.of(spec('a', { policy: 'slow' })).startTimeout).toBe(9)
  })

  it('are apart for a child with fields of its own, or with a name in the table, whichever comes first', () => {
    for (const order of [
      ['a', 'named', 'attic'],
      ['attic', 'named', 'a'],
    ]) {
      const cache = new PolicyCache(table)
      const times = Object.fromEntries(order.map(id => [id, cache.of(spec(id)).startTimeout]))
      expect(times).toEqual({ a: defaultPolicy.startTimeout, named: 5, attic: 9 })
      const own = spec('a', { policy: { startTimeout: 3 } })
      expect([cache.of(own).startTimeout, cache.of(spec('a')).startTimeout]).toEqual([
        3,
        defaultPolicy.startTimeout,
      ])
    }
  })

  it('give way to what the spec says of restart and shutdown', () => {
    const cache = new PolicyCache({})
    const given = { restart: 'temporary', shutdown: 'kill' } as const
    expect(cache.of(spec('a', given))).toEqual({ ...defaultPolicy, ...given })
    expect(cache.of(spec('a', { restart: 'transient' }))).toEqual({ ...defaultPolicy, restart: 'transient' })
    expect(cache.of(spec('a', { shutdown: 7 }))).toEqual({ ...defaultPolicy, shutdown: 7 })
    expect(cache.of(spec('a'))).toEqual(defaultPolicy)
  })

  it('give a supervisor all the time that its children need', () => {
    expect(new PolicyCache({}).of(nested({}))).toEqual(supervisorPolicy)
  })

  it('are passed to a supervisor below that has none of its own, and to nobody else', () => {
    const cache = new PolicyCache(table)
    const own = { policies: { default: 'x' } }
    expect(cache.passedTo(nested({ strategy: 'one_for_all' })).input).toEqual({
      strategy: 'one_for_all',
      policies: table,
    })
    expect(cache.passedTo(nested({ policies: undefined })).input).toEqual({ policies: table })
    expect(cache.passedTo(nested(own)).input).toEqual(own)
    const plain = spec('a')
    expect(cache.passedTo(plain)).toBe(plain)
  })
})
