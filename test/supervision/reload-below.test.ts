import { describe, expect, it } from 'vitest'
import { lifecycle } from '../../machines/lifecycle.ts'
import type { PolicyTable } from '../../src/supervision/policy.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import type { AnyChildSpec, SupervisorInput } from '../../src/supervision/types.ts'
import { scripted } from '../resources/scripted.ts'
import { leakCheck } from './leaks.ts'
import { calm, kid } from './tree.ts'

const { grow } = leakCheck()

const slower: PolicyTable = { default: { ...calm, backoff: { ...calm.backoff, initial: 777 } } }
const nested = (...children: AnyChildSpec[]): AnyChildSpec => ({
  id: 'below',
  resource: supervisorResource as never,
  input: { children } satisfies SupervisorInput,
})

describe('a reload of policies', () => {
  it('reaches a supervisor below that is starting again, as soon as it runs', async () => {
    const leaf = kid('leaf')
    const { root, clock } = await grow([{ ...leaf, spec: nested(leaf.spec) }])
    leaf.script.initialize = 'wait'
    const restarted = root.restart('below')
    await clock.settle()
    root.reload({ policies: slower })
    leaf.lives[1]?.initialized.resolve()
    await restarted
    await clock.settle()
    const below = await root.ref(supervisorResource, 'below').ready()
    expect(below.spec('leaf').resolved.backoff.initial).toBe(777)
  })

  it('that a supervisor below cannot take changes nothing, above it neither', async () => {
    const [first, leaf] = [kid('first'), kid('leaf')]
    const policies: PolicyTable = { default: calm, policies: { special: { startTimeout: 99 } } }
    const { root } = await grow([first, { ...leaf, spec: nested() }], { policies })
    const below = await root.ref(supervisorResource, 'below').ready()
    await below.start({ ...leaf.typed, policy: 'special' })
    const refused = expect.objectContaining({ code: 'EXO_CHILD_SPEC_INVALID' })
    expect(() => root.reload({ policies: slower })).toThrow(refused)
    expect(root.spec('first').resolved.backoff.initial).toBe(100)
    expect(below.spec('leaf').resolved.startTimeout).toBe(99)
  })
})

describe('a reload with another definition', () => {
  it('leaves the messages of the running incarnation to the handler that it was made with', async () => {
    const older = kid('a', { receive: message => `older ${message}` })
    const newer = scripted({ receive: message => `newer ${message}` }, lifecycle, 'newer')
    const { root, registry } = await grow([older])
    const ref = root.ref(older.definition, 'a')
    root.reload({ children: [{ id: 'a', resource: newer.definition as never, input: {} }] })
    expect(await ref.ask('m')).toBe('older m')
    expect([registry.routable('scripted').length, registry.routable('newer').length]).toEqual([1, 0])
    await root.restart('a')
    expect(await ref.ask('m')).toBe('newer m')
    expect([registry.routable('scripted').length, registry.routable('newer').length]).toEqual([0, 1])
  })
})

describe('a reload with onEvent', () => {
  it('is heard by one listener, also when there was none before', async () => {
    const { root } = await grow([kid('a')], { onEvent: undefined as never })
    const heard: string[] = []
    root.reload({ onEvent: ({ type }) => void heard.push(`older ${type}`) })
    root.reload({ onEvent: ({ type }) => void heard.push(type) })
    heard.length = 0
    await root.restart('a')
    expect(heard).toEqual(['child_terminated', 'started', 'ready', 'restarted'])
  })
})

describe('a reload that does not speak of a child', () => {
  it('takes it as it is, also when what it needed was temporary and is gone', async () => {
    const needed = kid('needed', {}, { restart: 'temporary' })
    const child = kid('a', {}, { dependsOn: ['needed'] })
    const { root, clock } = await grow([needed, child], { strategy: 'dependency_closure' })
    needed.lives[0]?.self.fail(new Error('broken'))
    await clock.settle()
    root.reload({ policies: slower })
    expect(root.spec('a').resolved.backoff.initial).toBe(777)
  })
})

describe('a supervisor that is suspended', () => {
  it('rests in its next incarnation as well, with all below it, until it is resumed', async () => {
    const leaf = kid('leaf')
    const { root, clock } = await grow([{ ...leaf, spec: nested(leaf.spec) }])
    root.suspend('below')
    await root.restart('below')
    const below = await root.ref(supervisorResource, 'below').ready()
    expect(below.children().map(({ suspended }) => suspended)).toEqual([true])
    leaf.lives[1]?.self.fail(new Error('broken'))
    await clock.advance(5_000)
    expect(leaf.lives.length).toBe(2)
    root.resume('below')
    await clock.advance(5_000)
    expect([leaf.lives.length, below.ref('leaf').state]).toEqual([3, 'READY'])
  })
})
