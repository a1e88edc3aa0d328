import { describe, expect, it } from 'vitest'
import { childSpec } from '../../src/supervision/child-spec.ts'
import type { SupervisorClient } from '../../src/supervision/types.ts'
import { grow, kid } from './tree.ts'

const states = (client: SupervisorClient) => client.children().map(({ id, state }) => `${id} ${state}`)

const graph = { strategy: 'dependency_closure' } as const
const oneAtATime = { ...graph, concurrentStarts: 1 } as const

/** Faults that the simulation found, or that were like one that it found: a wait was over, and what was waited for was down again. */
describe('a child that waits for its place among those that start', () => {
  it('comes back only when what it starts after is up, also when that fails as the place becomes free', async () => {
    const base = kid('base')
    const top = kid('top', {}, { dependsOn: ['base'] })
    const slow = kid('slow', {}, { dependsOn: ['base'] })
    const { clock, root } = await grow([base.spec, top.spec, slow.spec], oneAtATime)
    slow.script.initialize = 'wait'
    root.ref('base').fail(new Error('once'))
    await clock.advance(100)
    expect(states(root)).toEqual(['base READY', 'top CLOSED', 'slow INITIALIZING'])
    slow.script.initialize = 'at once'
    root.ref('base').fail(new Error('twice'))
    slow.lives[1]?.initialized.resolve()
    await clock.advance(150)
    expect(states(root)).toEqual(['base CLOSED', 'top CLOSED', 'slow CLOSED'])
    expect(top.lives).toHaveLength(1)
    await clock.advance(1_000)
    expect(states(root)).toEqual(['base READY', 'top READY', 'slow READY'])
    expect(top.lives).toHaveLength(2)
    await root.close()
  })

  it('starts for the first time only when what it starts after is up, and lets others go before it meanwhile', async () => {
    const base = kid('base')
    const slow = kid('slow', { initialize: 'wait' })
    const top = kid('top', {}, { after: ['base'] })
    const free = kid('free')
    const { clock, root } = await grow([base.spec], oneAtATime)
    const started = [root.start(slow.typed), root.start(top.typed), root.start(free.typed)]
    await clock.settle()
    base.lives[0]?.self.fail(new Error('broken'))
    slow.lives[0]?.initialized.resolve()
    await clock.advance(50)
    expect(states(root)).toEqual(['base CLOSED', 'slow READY', 'top UNINITIALIZED', 'free READY'])
    await clock.advance(100)
    await Promise.all(started)
    expect(states(root)).toEqual(['base READY', 'slow READY', 'top READY', 'free READY'])
    await root.close()
  })
})

describe('a stop by hand', () => {
  it('gives the place of one that needs the child to nobody who is to be stopped with it', async () => {
    const base = kid('base')
    const top = kid('top', {}, { dependsOn: ['base'] })
    const slow = kid('slow', {}, { dependsOn: ['base'] })
    const { clock, root } = await grow([base.spec, top.spec, slow.spec], oneAtATime)
    slow.script.initialize = 'wait'
    root.ref('base').fail(new Error('broken'))
    await clock.advance(100)
    expect(states(root)).toEqual(['base READY', 'top CLOSED', 'slow INITIALIZING'])
    await Promise.all([root.stop('base'), clock.advance(1_000)])
    expect(states(root)).toEqual(['base CLOSED', 'top CLOSED', 'slow CLOSED'])
    expect(top.lives).toHaveLength(1)
    await root.close()
  })
})

describe('messages that wait for a child that is given up for a time, or for good', () => {
  it.each([
    ['its circuit opens', { intensity: { restarts: 0, within: 1_000 }, circuit: 500 }, 'circuit_opened'],
    ['it is not restarted', { restart: 'temporary' }, 'stopped'],
  ] as const)('may bring it back as they are given up, when %s: it stays', async (_, policy, told) => {
    const a = kid('a', {}, { policy })
    const { clock, root, events } = await grow([a.spec])
    let started: Promise<unknown> | undefined
    root.onEvent(({ type }) => {
      if (type === 'dead_letter') started ??= root.start(a.typed)
    })
    root.suspend('a')
    root.ref('a').fail(new Error('broken'))
    root.ref(a.definition, 'a').tell('anybody there?')
    await clock.settle()
    await started
    await clock.advance(1_000)
    expect(states(root)).toEqual(['a READY'])
    expect(a.lives).toHaveLength(2)
    expect(events.filter(({ type }) => type === told)).toEqual([])
    await root.close()
  })
})

describe('the one try of an open circuit', () => {
  it('waits until what the child starts after is up, and goes on without it when that has ended for good', async () => {
    const policy = { intensity: { restarts: 0, within: 60_000 }, circuit: 1_000 } as const
    const base = kid('base')
    const top = kid('top', {}, { dependsOn: ['base'], policy })
    const late = kid('late', {}, { after: ['base'], policy })
    const { clock, root } = await grow([base.spec, top.spec, late.spec], graph)
    root.ref('top').fail(new Error('broken'))
    await clock.advance(950)
    root.ref('base').fail(new Error('broken'))
    await clock.advance(60)
    expect(states(root)).toEqual(['base CLOSED', 'top CLOSED', 'late READY'])
    await clock.advance(100)
    expect(states(root)).toEqual(['base READY', 'top READY', 'late READY'])
    root.ref('late').fail(new Error('broken'))
    await clock.advance(950)
    root.ref('base').fail(new Error('broken'))
    await clock.advance(60)
    expect(states(root)).toEqual(['base CLOSED', 'top CLOSED', 'late CLOSED'])
    await root.stop('base')
    await clock.settle()
    expect(states(root)).toEqual(['base CLOSED', 'top CLOSED', 'late READY'])
    await root.close()
  })
})

describe('a first start', () => {
  it('takes one that is about to be restarted with what that needs for down', async () => {
    const base = kid('base')
    const middle = kid('middle', {}, { dependsOn: ['base'] })
    const slow = kid('slow', { cleanup: 'wait' }, { dependsOn: ['middle'] })
    const top = kid('top', {}, { after: ['middle'] })
    const { clock, root } = await grow([base.spec, middle.spec, slow.spec], graph)
    root.ref('base').fail(new Error('broken'))
    await clock.settle()
    expect(states(root)).toEqual(['base CLOSED', 'middle READY', 'slow CLOSING'])
    const started = root.start(top.typed)
    await clock.settle()
    slow.lives[0]?.cleaned.resolve()
    slow.script.cleanup = 'at once'
    await clock.advance(50)
    expect(top.lives).toHaveLength(0)
    await clock.advance(100)
    await started
    expect(states(root)).toEqual(['base READY', 'middle READY', 'slow READY', 'top READY'])
    await root.close()
  })

  it('waits for one that has never run, and that somebody is starting', async () => {
    const base = kid('base', {}, { start: false })
    const needy = kid('needy', { cleanup: 'wait' }, { requires: ['base'] })
    const top = kid('top', {}, { after: ['base'] })
    const { clock, root } = await grow([base.spec, needy.spec], graph)
    const restarted = root.restart('base')
    const started = root.start(top.typed)
    await clock.settle()
    expect(states(root)).toEqual(['base UNINITIALIZED', 'needy CLOSING', 'top UNINITIALIZED'])
    needy.lives[0]?.cleaned.resolve()
    needy.script.cleanup = 'at once'
    await Promise.all([restarted, started])
    expect(states(root)).toEqual(['base READY', 'needy READY', 'top READY'])
    await root.close()
  })

  it('goes on without one that was told to stop already, and fails with one that ends while it is waited for', async () => {
    const stopped = kid('stopped', { cleanup: 'wait' })
    const lost = kid('lost', {}, { restart: 'transient' })
    const top = kid('top', {}, { after: ['stopped'] })
    const late = kid('late', {}, { after: ['lost'] })
    const { clock, root } = await grow([stopped.spec, lost.spec], graph)
    const stop = root.stop('stopped')
    const started = root.start(top.typed)
    root.ref('lost').fail(new Error('broken'))
    await clock.settle()
    const refused = expect(root.start(late.typed)).rejects.toThrow('late')
    await clock.settle()
    expect(top.lives).toHaveLength(0)
    stopped.lives[0]?.cleaned.resolve()
    stopped.script.cleanup = 'at once'
    await root.stop('lost')
    await Promise.all([stop, started, refused])
    expect(states(root)).toEqual(['stopped CLOSED', 'lost CLOSED', 'top READY'])
    await root.close()
  })

  it('does not wait any longer for one that it does not start after since a reload, though that one waits for it', async () => {
    const base = kid('base')
    const one = kid('one', {}, { after: ['base', 'other'] })
    const other = kid('other')
    const { clock, root } = await grow([base.spec, { ...other.spec, start: false }], graph)
    root.ref('base').fail(new Error('broken'))
    await clock.settle()
    const started = root.start(one.typed)
    await clock.settle()
    root.reload({
      children: [{ ...one.spec, after: [] }, childSpec({ ...other.typed, after: ['one'] })],
    })
    const second = root.restart('other')
    await Promise.all([started, second])
    expect(states(root)).toEqual(['base CLOSED', 'other READY', 'one READY'])
    await root.close()
  })
})

describe('a stop by hand while a group waits for its restart', () => {
  it('takes along those that need the child since a reload', async () => {
    const [a, b, c] = [kid('a'), kid('b'), kid('c')]
    const { clock, root } = await grow([a.spec, b.spec, c.spec], { strategy: 'one_for_all' })
    root.ref('c').fail(new Error('broken'))
    await clock.advance(50)
    root.reload({ ...graph, children: [childSpec({ ...b.typed, dependsOn: ['a'] })] })
    await root.stop('a')
    await clock.advance(1_000)
    expect(states(root)).toEqual(['a CLOSED', 'b CLOSED', 'c READY'])
    await root.close()
  })
})

describe('a member of a group that its open circuit keeps down', () => {
  const policy = { intensity: { restarts: 0, within: 60_000 }, circuit: 10_000 } as const

  it('stays down when the circuit of a member before it opens too', async () => {
    const [a, b] = [kid('a', {}, { policy }), kid('b', {}, { policy })]
    const { clock, root } = await grow([a.spec, b.spec], { strategy: 'one_for_all' })
    root.ref('b').fail(new Error('broken'))
    await clock.advance(5_000)
    root.ref('a').fail(new Error('broken'))
    await clock.advance(1_000)
    expect(states(root)).toEqual(['a CLOSED', 'b CLOSED'])
    await clock.advance(4_000)
    expect(states(root)).toEqual(['a CLOSED', 'b READY'])
    await root.close()
  })

  it('stays down when it was opened in the middle of a restart of its group, and that of a member before it opens too', async () => {
    const once = { ...policy, intensity: { restarts: 1, within: 60_000 } }
    const [a, b] = [kid('a', {}, { policy }), kid('b', {}, { policy: once })]
    const { clock, root } = await grow([a.spec, b.spec], { strategy: 'one_for_all' })
    b.script.initialize = 'wait'
    root.ref('b').fail(new Error('broken'))
    await clock.advance(150)
    b.script.initialize = 'at once'
    b.lives[1]?.initialized.reject(new Error('still broken'))
    await clock.advance(1_000)
    expect(states(root)).toEqual(['a READY', 'b CLOSED'])
    root.ref('a').fail(new Error('broken'))
    await clock.advance(1_000)
    expect(states(root)).toEqual(['a CLOSED', 'b CLOSED'])
    await root.close()
  })

  it('does not keep those that are stopped after that from coming back with their group', async () => {
    const once = { ...policy, intensity: { restarts: 1, within: 60_000 } }
    const [a, b, c] = [kid('a'), kid('b', {}, { policy: once }), kid('c')]
    const { clock, root } = await grow([a.spec, c.spec, b.spec], { strategy: 'one_for_all' })
    b.script.initialize = 'wait'
    root.ref('b').fail(new Error('broken'))
    await clock.advance(150)
    b.lives[1]?.initialized.reject(new Error('still broken'))
    await clock.advance(1_000)
    await root.stop('c')
    root.ref('a').fail(new Error('broken'))
    await clock.advance(1_000)
    expect(states(root)).toEqual(['a READY', 'c READY', 'b CLOSED'])
    await root.close()
  })
})
