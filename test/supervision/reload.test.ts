import { describe, expect, it } from 'vitest'
import { lifecycle } from '../../machines/lifecycle.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { defineResource } from '../../src/resources/define.ts'
import { silentLog } from '../../src/resources/log.ts'
import { Registry } from '../../src/resources/registry.ts'
import type { ResourceRef } from '../../src/resources/types.ts'
import { childSpec } from '../../src/supervision/child-spec.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import type { SupervisionEvent } from '../../src/supervision/types.ts'
import { calm, grow, kid } from './tree.ts'

/** A child whose client and whose handler both say which definition they are of. */
const answering = (kind: string) =>
  childSpec({
    id: 'a',
    input: {},
    resource: defineResource<object, { readonly kind: string }, string>({
      kind,
      machine: lifecycle,
      initialize: async () => ({ kind }),
      receive: client => `${client.kind} asked ${kind}`,
    }),
  })

describe('a reload', () => {
  it('gives a child that runs its new mailbox setting at once', async () => {
    const a = kid('a')
    const { root } = await grow([a.spec])
    root.reload({ children: [{ ...a.spec, mailbox: 2 }] })
    root.suspend('a')
    const told = [1, 2, 3].map(() => root.ref('a').tell('x' as never))
    expect([root.spec('a').mailbox.capacity, told]).toEqual([2, [true, true, false]])
    await root.close()
  })

  it('lets the incarnation that runs handle its messages as before; the new definition holds from the next one on', async () => {
    const registry = new Registry(silentLog)
    const { root, clock } = await grow([answering('old')], { registry })
    root.reload({ children: [answering('new')] })
    const ref = root.ref('a') as ResourceRef<unknown, string>
    const routable = () => ['old', 'new'].map(kind => registry.routable(kind).length)
    expect([await ref.ask('who'), ref.kind, routable()]).toEqual(['old asked old', 'old', [1, 0]])
    ref.fail(new Error('lost'))
    await clock.advance(1_000)
    expect([await ref.ask('who'), ref.kind, routable()]).toEqual(['new asked new', 'new', [0, 1]])
    await root.close()
    expect(routable()).toEqual([0, 0])
  })

  it('can bring a listener for events, or another one, after a start without', async () => {
    const clock = new VirtualClock()
    const root = await supervise({ clock, children: [kid('a').spec] })
    const [first, second]: SupervisionEvent[][] = [[], []]
    root.reload({ onEvent: event => void first?.push(event) })
    await root.stop('a')
    expect(first?.map(({ type }) => type)).toEqual(['child_terminated', 'stopped'])
    root.reload({ onEvent: event => void second?.push(event) })
    await root.restart('a')
    await clock.settle()
    expect([first?.length, second?.map(({ type }) => type)]).toEqual([2, ['started', 'ready', 'restarted']])
    await root.close()
  })

  it('changes nothing about what it names as undefined', async () => {
    const [a, b] = [kid('a'), kid('b')]
    const { root, clock } = await grow([a.spec, b.spec], { strategy: 'one_for_all' })
    root.reload({ strategy: undefined, children: undefined } as never)
    a.lives[0]?.self.fail(new Error('lost'))
    await clock.advance(100)
    expect(b.lives).toHaveLength(2)
    await root.close()
  })

  it('is refused when it changes the strategy to dynamic, or from it', async () => {
    const template = { resource: kid('any').definition, input: {} }
    const refused = expect.objectContaining({ message: expect.stringContaining('to or from dynamic') })
    const plain = await grow([])
    expect(() => plain.root.reload({ strategy: 'dynamic', template: template as never })).toThrow(refused)
    const dynamic = await grow([], { strategy: 'dynamic', template: template as never })
    expect(() => dynamic.root.reload({ strategy: 'one_for_one' })).toThrow(refused)
    await Promise.all([plain.root.close(), dynamic.root.close()])
  })

  it('is told of for those that it names, and for those whose policy it changes, and for no others', async () => {
    const [a, b, c] = [kid('a'), kid('b'), kid('c', {}, { policy: 'own' })]
    const policies = { default: calm, policies: { own: { startTimeout: 77 } } }
    const { root, events } = await grow([a.spec, b.spec, c.spec], { policies })
    const told = () => events.splice(0).flatMap(({ type, name }) => (type === 'reloaded' ? [name] : []))
    root.reload({ children: [a.spec] })
    expect(told()).toEqual(['a'])
    root.reload({ policies: { ...policies, policies: { own: { startTimeout: 78 } } } })
    expect(told()).toEqual(['c'])
    await root.close()
  })

  it('holds as a whole before anybody hears of it, so that one that a listener gives then is the last word', async () => {
    const [a, b, c] = [kid('a'), kid('b'), kid('c')]
    const { clock, root } = await grow([a.spec, b.spec, c.spec], { strategy: 'dependency_closure' })
    let isFirst = true
    root.onEvent(({ type }) => {
      if (type !== 'reloaded' || !isFirst) return
      isFirst = false
      root.reload({ children: [childSpec({ ...c.typed, dependsOn: ['b'] })] })
    })
    root.reload({ children: [a.spec, childSpec({ ...c.typed, dependsOn: ['a'] })] })
    expect(isFirst).toBe(false)
    expect(root.spec('c').dependsOn).toEqual(['b'])
    root.ref('b').fail(new Error('broken'))
    await clock.advance(1_000)
    expect([a, b, c].map(({ lives }) => lives.length)).toEqual([1, 2, 2])
    await root.close()
  })

  it('leaves the children that it adds down until they are told to start', async () => {
    const a = kid('a')
    const { root } = await grow([])
    root.reload({ children: [a.spec] })
    expect([root.ref('a').state, root.spec('a').start]).toEqual(['UNINITIALIZED', false])
    await root.restart('a')
    expect(root.ref('a').state).toBe('READY')
    await root.close()
  })

  it('is refused as a whole when a child that it adds has no name to show', async () => {
    const a = kid('a')
    const definition = defineResource<object, object>({
      kind: 'nameless',
      machine: lifecycle,
      displayName: () => {
        throw new Error('no name')
      },
      initialize: async () => ({}),
    })
    const { root } = await grow([a.spec])
    const children = [{ ...a.spec, mailbox: 5 }, childSpec({ id: 'b', resource: definition, input: {} })]
    expect(() => root.reload({ children })).toThrow('no name')
    expect([root.children().length, root.spec('a').mailbox.capacity]).toEqual([1, 1000])
    await root.close()
  })

  it('changes who is restarted with whom', async () => {
    const [a, b] = [kid('a'), kid('b')]
    const { root } = await grow([a.spec, b.spec], { strategy: 'dependency_closure' })
    root.reload({ children: [{ ...b.spec, dependsOn: ['a'] }] })
    await root.restart('a')
    await root.ref('b').ready()
    expect([a.lives.length, b.lives.length]).toEqual([2, 2])
    await root.close()
  })

  it('is refused when its dependencies make a cycle with those that it does not speak of', async () => {
    const [a, b, c] = [kid('a'), kid('b', {}, { after: ['a'] }), kid('c', {}, { after: ['b'] })]
    const { root } = await grow([a.spec, b.spec, c.spec], { strategy: 'dependency_closure' })
    expect(() => root.reload({ children: [{ ...a.spec, after: ['c'] }] })).toThrow(
      expect.objectContaining({ code: 'EXO_CHILD_SPEC_INVALID' }),
    )
    await root.close()
  })

  it('is refused when a child that it brings back makes a cycle with the one that needed the older one', async () => {
    const needed = kid('needed', {}, { restart: 'temporary' })
    const a = kid('a', {}, { after: ['needed'] })
    const { root } = await grow([needed.spec, a.spec], { strategy: 'dependency_closure' })
    await root.stop('needed')
    expect(() => root.reload({ children: [{ ...needed.spec, after: ['a'] }] })).toThrow(
      expect.objectContaining({ code: 'EXO_CHILD_SPEC_INVALID' }),
    )
    await root.close()
  })

  it('gives a child its new limit of restarts at once', async () => {
    const a = kid('a')
    const { root } = await grow([a.spec])
    root.reload({ policies: { default: { ...calm, intensity: { restarts: 0, within: 60_000 } } } })
    expect(root.children()[0]?.window).toMatchObject({ limit: 0, within: 60_000 })
    a.lives[0]?.self.fail(new Error('lost'))
    expect(await root.closed).toMatchObject({ reason: 'failed', error: { code: 'EXO_INTENSITY_EXCEEDED' } })
  })

  it('of policies takes children without any input as they are', async () => {
    const a = kid('a', {}, { input: undefined as never })
    const { root } = await grow([a.spec])
    root.reload({ policies: { default: { ...calm, startTimeout: 77 } } })
    expect(root.spec('a').resolved.startTimeout).toBe(77)
    await root.close()
  })
})
