import { describe, expect, it } from 'vitest'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import type { AnyChildSpec, ChildSpec } from '../../src/supervision/types.ts'
import { leakCheck } from './leaks.ts'
import { kid } from './tree.ts'

const { grow } = leakCheck()

const spec = (id: string, more: Partial<ChildSpec<object, { life: number }, string>> = {}) =>
  kid(id, {}, more).spec
const nested = (id: string, input: object) =>
  ({ id, resource: supervisorResource, input }) as unknown as AnyChildSpec

/** What is said against a spec: the text behind the name of its supervisor. */
const against = (start: Promise<unknown>): Promise<string> =>
  start.then(
    () => 'nothing',
    (error: Error) => error.message.replace('supervisor "root": ', ''),
  )

describe('a spec that is given to a running supervisor', () => {
  it('may name siblings that are there, in each of its lists', async () => {
    const { root } = await grow([kid('a')], { strategy: 'dependency_closure' })
    for (const key of ['dependsOn', 'after', 'requires'] as const)
      expect(await against(root.start(spec(key, { [key]: ['a'] }))), key).toBe('nothing')
    expect(root.children().map(({ id }) => id)).toEqual(['a', 'dependsOn', 'after', 'requires'])
  })

  it.each(['dependsOn', 'after', 'requires'])('may name nobody who is not there in %s', async key => {
    const { root } = await grow([kid('attic')], { strategy: 'dependency_closure' })
    expect(await against(root.start(spec('b', { [key]: ['attci'] })))).toBe(
      `child "b".${key}[0] is "attci", which is no sibling, expected the id of a sibling, such as attic`,
    )
    expect(root.children().map(({ id }) => id)).toEqual(['attic'])
  })

  it('may name nobody at all under a strategy without dependencies', async () => {
    const { root } = await grow([kid('a')])
    expect(await against(root.start(spec('b', { after: ['a'] })))).toMatch(
      /^child "b"\.after is there under "one_for_one"/,
    )
  })

  it('may take the place of a stopped child of the same id, whose own needs count no more', async () => {
    const { root } = await grow([kid('a'), kid('b', {}, { after: ['a'] })], {
      strategy: 'dependency_closure',
    })
    await root.stop('b')
    expect(await against(root.start(spec('b', { requires: ['a'] })))).toBe('nothing')
    expect(root.spec('b')).toMatchObject({ after: [], requires: ['a'] })
  })

  it('is told all that is wrong with it at once', async () => {
    const { root } = await grow([kid('a')], { strategy: 'dependency_closure' })
    const wrong = spec('b', { after: ['b', 'a', 'c'], significant: true })
    await expect(root.start(wrong)).rejects.toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
      details: {
        supervisor: 'root',
        faults: [
          { path: 'child "b".significant', message: 'is true under autoShutdown never' },
          { path: 'child "b".significant', message: 'is true for a permanent child' },
          { path: 'child "b".after[0]' },
          { path: 'child "b".after[2]' },
        ],
      },
    })
  })

  it('may be significant where that has a meaning, and not elsewhere', async () => {
    const significant = { significant: true, restart: 'transient' } as const
    const never = await grow([])
    expect(await against(never.root.start(spec('a', significant)))).toMatch(
      /^child "a"\.significant is true under autoShutdown never/,
    )
    const any = await grow([], { autoShutdown: 'any_significant' })
    expect(await against(any.root.start(spec('a', significant)))).toBe('nothing')
    expect(await against(any.root.start(spec('b', { significant: true })))).toMatch(
      /^child "b"\.significant is true for a permanent child/,
    )
  })

  it('has the restart type that the table of its supervisor says', async () => {
    const policies = { policies: { brief: { restart: 'temporary' as const } } }
    const { root } = await grow([], { policies, autoShutdown: 'any_significant' })
    expect(await against(root.start(spec('a', { significant: true, policy: 'brief' })))).toBe('nothing')
  })

  it('of a supervisor must have an input that is sound through all levels', async () => {
    const { root } = await grow([kid('a')])
    expect(
      await against(root.start(nested('s', { children: [spec('x'), nested('t', { strategy: 'none' })] }))),
    ).toMatch(/^child "s"\.input\.children\[1\]\.input\.strategy is "none"/)
    expect(await against(root.start(nested('s', { children: [spec('x')] })))).toBe('nothing')
  })

  it('does not answer for its siblings, whose needs may have gone since', async () => {
    const brief = kid('brief', {}, { restart: 'temporary' })
    const { root, clock } = await grow([brief, kid('a', {}, { after: ['brief'] })], {
      strategy: 'dependency_closure',
    })
    brief.lives[0]?.self.fail(new Error('lost'))
    await clock.settle()
    expect(root.children().map(({ id }) => id)).toEqual(['a'])
    expect(await against(root.start(spec('b', { after: ['a'] })))).toBe('nothing')
  })

  it('must not close a cycle of order with those that are there', async () => {
    const { root } = await grow([kid('a'), kid('b', {}, { after: ['a'] })], {
      strategy: 'dependency_closure',
    })
    await root.stop('a')
    expect(await against(root.start(spec('a', { after: ['b'] })))).toMatch(
      /^child "a"\.after closes a cycle: a -> b -> a/,
    )
  })
})
