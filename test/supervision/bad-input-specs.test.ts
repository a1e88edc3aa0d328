import { describe, expect, it } from 'vitest'
import { lifecycle } from '../../machines/lifecycle.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import type { AnyChildSpec, SuperviseOptions, SupervisorInput } from '../../src/supervision/types.ts'
import { leakCheck } from './leaks.ts'
import { kid } from './tree.ts'

const { grow } = leakCheck()

const trap = (): never => {
  throw new Error('trap')
}
const hostile = () => new Proxy({}, { get: trap, has: trap, ownKeys: trap })
const sound = kid('a').spec
const nameless = { kind: 'x', initialize: async () => 1 }
const refused = { code: 'EXO_CHILD_SPEC_INVALID' }

const noSpecs: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['undefined', undefined],
  ['a number', 5],
  ['a text', 'a'],
  ['a list', []],
  ['a function', () => sound],
  ['nothing', {}],
  ['fields that throw', hostile()],
  ['no id', { ...sound, id: undefined }],
  ['an empty id', { ...sound, id: '' }],
  ['a number as id', { ...sound, id: 7 }],
  ['an id of 257 characters', { ...sound, id: 'a'.repeat(257) }],
  ['no resource', { ...sound, resource: null }],
  ['a resource without a machine', { ...sound, resource: nameless }],
  ['a resource with an empty machine', { ...sound, resource: { ...nameless, machine: {} } }],
  ['a resource without a kind', { ...sound, resource: { ...nameless, machine: lifecycle, kind: 5 } }],
  ['a policy that nobody knows', { ...sound, policy: 'nope' }],
  ['a policy that is none', { ...sound, policy: 5 }],
  ['a negative intensity', { ...sound, policy: { intensity: { restarts: -1 } } }],
  ['a backoff that is none', { ...sound, policy: { backoff: 'fast' } }],
  ['a word that is no restart type', { ...sound, restart: 'sometimes' }],
  ['a time for shutdown that is none', { ...sound, shutdown: Number.NaN }],
  ['a mailbox without places', { ...sound, mailbox: -1 }],
  ['start that is neither true nor false', { ...sound, start: 'no' }],
  ['significance without a meaning', { ...sound, significant: true, restart: 'transient' }],
  ['a need under another strategy', { ...sound, dependsOn: ['b'] }],
  ['a supervisor made of null', { id: 's', resource: supervisorResource, input: null }],
  ['a supervisor with a wrong child', { id: 's', resource: supervisorResource, input: { children: [{}] } }],
  ['a display name that throws', { ...sound, resource: { ...sound.resource, displayName: trap } }],
  ['a display name that is no text', { ...sound, resource: { ...sound.resource, displayName: () => 5 } }],
]

const noOptions: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['a number', 5],
  ['a list', []],
  ['fields that throw', hostile()],
  ['children that are no list', { children: 'a' }],
  ['a hole among the children', { children: [undefined] }],
  ['a strategy that nobody knows', { strategy: 'one_for_none' }],
  ['policies that are none', { policies: 5 }],
  ['an intensity that is none', { intensity: null }],
  ['no place to start', { concurrentStarts: 0 }],
  ['an onEvent that is no function', { onEvent: 5 }],
  ['an empty name', { name: '' }],
  ['a clock that is none', { clock: {} }],
  ['a random that is none', { random: 5 }],
  ['a log that is none', { log: {} }],
  ['a scheduler that is none', { scheduler: 5 }],
  ['a registry that is none', { registry: {} }],
  ['a turn without tasks', { turn: { tasks: 0 } }],
  ['dead letters that are none', { deadLetters: 5 }],
  ['an inspect that is none', { inspect: 5 }],
  ['a dynamic one without a template', { strategy: 'dynamic' }],
]

describe('a spec that is no spec', () => {
  it.each(noSpecs)('%s is refused with its supervisor', async (_, spec) => {
    await expect(supervise({ children: [spec as AnyChildSpec] })).rejects.toMatchObject(refused)
  })

  it.each(noSpecs)(
    '%s is refused by start and by reload, which leave everything as it was',
    async (_, spec) => {
      const other = kid('other')
      const { root, clock, registry } = await grow([other])
      const before = root.children()
      await expect(root.start(spec as AnyChildSpec)).rejects.toMatchObject(refused)
      expect(() => root.reload({ children: [other.spec, spec as AnyChildSpec] })).toThrow(
        expect.objectContaining(refused),
      )
      await clock.settle()
      expect(root.children()).toEqual(before)
      // The root itself and the other child.
      expect(registry.size).toBe(2)
    },
  )

  it.each([
    ['itself', ['a']],
    ['somebody who is not there', ['b']],
    ['numbers', [5]],
  ])('that needs %s is refused by a running dependency_closure', async (_, dependsOn) => {
    const { root } = await grow([], { strategy: 'dependency_closure' })
    const spec = { ...sound, dependsOn } as AnyChildSpec
    await expect(root.start(spec)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('supervisor "root": child "a".dependsOn[0] is '),
    })
    expect(root.children()).toEqual([])
  })
})

describe('options that are none', () => {
  it.each(noOptions)('%s are refused', async (_, options) => {
    await expect(supervise(options as SuperviseOptions)).rejects.toMatchObject(refused)
  })

  it.each(noOptions.slice(0, 11))('%s are refused by reload', async (_, input) => {
    const { root } = await grow([kid('a')])
    expect(() => root.reload(input as SupervisorInput)).toThrow(expect.objectContaining(refused))
    expect(root.children().length).toBe(1)
  })
})
