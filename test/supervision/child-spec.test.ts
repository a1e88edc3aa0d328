import { describe, expect, it } from 'vitest'
import { checkChildSpec, completeSpec } from '../../src/supervision/child-spec.ts'
import { defaultPolicy, supervisorPolicy } from '../../src/supervision/policy.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import type { AnyChildSpec } from '../../src/supervision/types.ts'
import { kid } from './tree.ts'

describe('a child spec as data', () => {
  it('has every default filled in, and survives JSON', () => {
    const { spec, definition } = kid('a')
    const data = completeSpec(spec, defaultPolicy)
    expect(data).toEqual({
      id: 'a',
      kind: definition.kind,
      displayName: 'a',
      start: true,
      restart: 'permanent',
      shutdown: 5_000,
      significant: false,
      dependsOn: [],
      after: [],
      requires: [],
      policy: null,
      resolved: defaultPolicy,
      mailbox: { capacity: 1_000, overflow: 'reject' },
    })
    expect(JSON.parse(JSON.stringify(data))).toEqual(data)
  })

  it('says what the spec says, which wins over the policy', () => {
    const given = {
      start: false,
      restart: 'temporary',
      shutdown: 'kill',
      significant: true,
      dependsOn: ['b'],
      after: ['c'],
      requires: ['d'],
      policy: 'calm',
      mailbox: { capacity: 7 },
    } as const
    const { spec } = kid('a', {}, given)
    const data = completeSpec(spec, defaultPolicy)
    expect(data).toMatchObject(given)
    expect(data.resolved).toEqual({ ...defaultPolicy, restart: 'temporary', shutdown: 'kill' })
    expect(completeSpec({ ...spec, policy: { startTimeout: 1 } }, defaultPolicy).policy).toBeNull()
  })

  it('has the name that people call it by', () => {
    const { spec } = kid('a')
    const resource = { ...spec.resource, displayName: (input: unknown) => `cache at ${String(input)}` }
    expect(completeSpec({ ...spec, resource, input: 'host' }, defaultPolicy).displayName).toBe(
      'cache at host',
    )
  })

  it('of a supervisor has all the time that its children need', () => {
    const spec = { id: 's', resource: supervisorResource, input: {} } as unknown as AnyChildSpec
    expect(completeSpec(spec, supervisorPolicy)).toMatchObject({ kind: 'supervisor', shutdown: 'infinity' })
  })

  it('shares no list with the spec', () => {
    const dependsOn = ['b']
    const data = completeSpec(kid('a', {}, { dependsOn }).spec, defaultPolicy)
    dependsOn.push('c')
    expect(data.dependsOn).toEqual(['b'])
  })
})

describe('a single spec', () => {
  it.each([
    ['id', { id: 7 }],
    ['resource', { resource: undefined }],
    ['policy', { policy: null }],
    ['restart', { restart: 'never' }],
    ['shutdown', { shutdown: -1 }],
    ['significant', { significant: 'yes' }],
    ['start', { start: 1 }],
    ['mailbox', { mailbox: 1.5 }],
  ])('with a wrong %s is refused, naming supervisor, child and field', (field, change) => {
    const wrong = { ...kid('a').spec, ...change } as unknown as AnyChildSpec
    const id = JSON.stringify(wrong.id)
    expect(() => checkChildSpec(wrong, 'root')).toThrow(
      expect.objectContaining({
        code: 'EXO_CHILD_SPEC_INVALID',
        message: expect.stringContaining(`supervisor "root": ${field} of child ${id} is `),
        details: expect.objectContaining({ supervisor: 'root', field }),
      }),
    )
  })

  it.each([null, undefined, 'rubbish', 7])('that is %s is refused', spec => {
    expect(() => checkChildSpec(spec as never, 'root')).toThrow(
      /spec of child .+, expected an object with id/,
    )
  })

  it('that is sound is not refused', () => {
    expect(() => checkChildSpec(kid('a', {}, { mailbox: 1, start: false }).spec, 'root')).not.toThrow()
  })

  it.each(['initialize', 'kind', 'machine'])('whose resource has no %s is refused for its resource', key => {
    const { spec } = kid('a')
    for (const value of [undefined, null, 5])
      expect(() =>
        checkChildSpec({ ...spec, resource: { ...spec.resource, [key]: value } } as never, 'root'),
      ).toThrow('resource of child "a" is an object, expected what defineResource gives')
  })

  it('with a wrong mailbox is told what one may be', () => {
    expect(() => checkChildSpec({ ...kid('a').spec, mailbox: 0 }, 'root')).toThrow(
      /mailbox of child "a" is 0, expected .+/,
    )
  })

  it('that cannot be read is refused, its id told if that can be', () => {
    const hostile = (key: string) =>
      Object.defineProperty({ ...kid('a').spec }, key, {
        get: () => {
          throw new Error('no')
        },
      })
    expect(() => checkChildSpec(hostile('restart'), 'root')).toThrow(
      'supervisor "root": spec of child "a" is an object, expected fields that can be read',
    )
    expect(() => checkChildSpec(hostile('id'), 'root')).toThrow('spec of child undefined is an object')
  })
})
