import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/concurrency/random.ts'
import { SeededScheduler } from '../../src/concurrency/scheduler.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { childSpec } from '../../src/supervision/child-spec.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import type { SupervisionEventType } from '../../src/supervision/types.ts'
import { calm, grow, kid } from './tree.ts'

/** Faults that the simulation found, each in its smallest form. */
describe('commands that come in one breath', () => {
  it('leave no orphan when a child is removed and restarted at once: the last word holds', async () => {
    const a = kid('a')
    const { clock, root } = await grow([a.spec])
    const removed = root.remove('a')
    const restarted = root.restart('a')
    await clock.settle()
    await Promise.all([removed, restarted])
    expect(root.children().map(({ id, state }) => `${id} ${state}`)).toEqual(['a READY'])
    await root.close()
    expect(a.lives.map(({ cleanups }) => cleanups.length)).toEqual([1, 1])
  })

  it('leave no orphan when a child that is stopped already is removed and restarted at once', async () => {
    const a = kid('a')
    const { clock, root } = await grow([a.spec])
    await root.stop('a')
    const removed = root.remove('a')
    const restarted = root.restart('a')
    await clock.settle()
    await Promise.all([removed, restarted])
    expect(root.children().map(({ id, state }) => `${id} ${state}`)).toEqual(['a READY'])
    await root.close()
  })

  it('leave no orphan when a child is restarted while the cleanup of its failed first start runs', async () => {
    const a = kid('a', { initialize: 'wait', cleanup: 'wait' })
    const { clock, root } = await grow([])
    const started = root.start(a.typed).catch((error: Error) => error)
    await clock.settle()
    a.lives[0]?.initialized.reject(new Error('no'))
    await clock.settle()
    a.script.initialize = 'at once'
    a.script.cleanup = 'at once'
    const restarted = root.restart('a')
    a.lives[0]?.cleaned.resolve()
    await restarted
    expect(await started).toBeInstanceOf(Error)
    expect(root.children().map(({ id, state }) => `${id} ${state}`)).toEqual(['a READY'])
    await root.close()
    expect(a.lives.map(({ cleanups }) => cleanups.length)).toEqual([1, 1])
  })

  it('give one child only when an id that has never run is started anew while it is being restarted', async () => {
    const a = kid('a', {}, { start: false })
    const { root } = await grow([a.spec])
    const restarted = root.restart('a')
    await expect(root.start(a.typed)).rejects.toThrow('has a child "a" already')
    await restarted
    expect(a.lives).toHaveLength(1)
    await root.close()
  })
})

describe('the window of a child', () => {
  it('is not emptied by stopping the child and restarting it by hand', async () => {
    const a = kid('a', {}, { policy: { intensity: { restarts: 1, within: 60_000 } } })
    const { clock, root } = await grow([a.spec])
    root.ref('a').fail(new Error('once'))
    await clock.advance(1_000)
    await root.stop('a')
    await root.restart('a')
    root.ref('a').fail(new Error('twice'))
    await clock.advance(1_000)
    expect((await root.closed).reason).toBe('failed')
  })
})

describe('a supervisor that fails while it starts its children', () => {
  it('starts none of the others any more', async () => {
    const a = kid('a')
    const b = kid('b')
    const inner = childSpec({
      id: 'inner',
      resource: supervisorResource,
      input: { children: [a.spec, b.spec], policies: { default: calm } },
      start: false,
    })
    // A scheduler that is in no hurry, so that the closing comes after the next start would.
    const clock = new VirtualClock()
    const scheduler = new SeededScheduler(clock, seededRandom(1))
    const { root } = await grow([inner], { clock, scheduler })
    root.onEvent(({ type, name }) => {
      if (type === 'ready' && name === 'a') root.ref('inner').fail(new Error('not wanted'))
    })
    const restarted = root.restart('inner').catch(() => undefined)
    await clock.settle()
    expect(b.lives).toHaveLength(0)
    await root.close()
    await restarted
  })
})

describe('a listener that acts in the middle of a change', () => {
  async function listen(
    type: SupervisionEventType,
    act: (root: Awaited<ReturnType<typeof grow>>['root']) => void,
    strategy: 'one_for_one' | 'one_for_all' = 'one_for_one',
  ) {
    const a = kid('a')
    const grown = await grow([a.spec], { strategy })
    let done = false
    grown.root.onEvent(event => {
      if (event.type !== type || done) return
      done = true
      act(grown.root)
    })
    return { ...grown, a }
  }

  it('stops a child for good at backoff_scheduled', async () => {
    const { clock, root, a } = await listen('backoff_scheduled', parent => void parent.stop('a'))
    root.ref('a').fail(new Error('broken'))
    await clock.advance(10_000)
    expect(a.lives).toHaveLength(1)
    expect(root.ref('a').state).toBe('CLOSED')
    await root.close()
  })

  it('leaves no timer behind when it closes the supervisor at backoff_scheduled of a group', async () => {
    const { clock, root } = await listen('backoff_scheduled', parent => void parent.close(), 'one_for_all')
    root.ref('a').fail(new Error('broken'))
    await clock.settle()
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('restarts a child at stopped, and removing it does not make it an orphan', async () => {
    const { root } = await listen('stopped', parent => void parent.restart('a'))
    await root.remove('a')
    expect(root.children().map(({ id }) => id)).toEqual(['a'])
    await root.close()
  })

  it('cannot mend a child any more at the failed event of its hard restart', async () => {
    const { clock, root, a, story } = await listen('failed', () => a.lives[0]?.self.recovered())
    root.ref('a').degrade(new Error('slow'))
    await clock.advance(1_000)
    expect(story().slice(0, 5)).toEqual([
      'ready a#1',
      'degraded a#1',
      'failed a#1',
      'child_terminated a#1',
      'backoff_scheduled a#1 100',
    ])
    await root.close()
  })

  it('starts nothing at gave_up', async () => {
    const b = kid('b')
    const { clock, root } = await listen(
      'gave_up',
      parent => void parent.start(b.typed).catch(() => undefined),
    )
    for (let failure = 0; failure < 4; failure += 1) {
      root.ref('a').fail(new Error('broken'))
      await clock.advance(2_000)
    }
    await root.closed
    expect(b.lives).toHaveLength(0)
  })
})

describe('a group that restarts', () => {
  it('never runs two incarnations of a member when the same child fails again before the group has started', async () => {
    const a = kid('a', { cleanup: 'wait' })
    const b = kid('b')
    const c = kid('c', { initialize: 'wait' })
    const { clock, root, events } = await grow([a.spec, b.spec], { strategy: 'one_for_all' })
    root.ref('b').fail(new Error('once'))
    await clock.settle()
    const added = root.start(c.typed)
    await root.restart('b')
    a.script.cleanup = 'at once'
    a.lives[0]?.cleaned.resolve()
    await clock.advance(1)
    root.ref('b').fail(new Error('twice'))
    await clock.settle()
    c.script.initialize = 'at once'
    c.lives[0]?.initialized.resolve()
    await added
    await clock.advance(10_000)
    const ofC = events.filter(({ name }) => name === 'c').map(({ type }) => type)
    expect(ofC.filter(type => type === 'started' || type === 'child_terminated')).toEqual([
      'started',
      'child_terminated',
      'started',
    ])
    await root.close()
    expect(c.lives.map(({ cleanups }) => cleanups.length)).toEqual([1, 1])
  })

  it('does not bring back a member whose stopping is under way when the group starts', async () => {
    const a = kid('a')
    const b = kid('b')
    const { clock, root } = await grow([a.spec, b.spec], { strategy: 'one_for_all' })
    root.ref('a').fail(new Error('broken'))
    await clock.advance(50)
    await root.restart('b')
    b.script.cleanup = 'wait'
    const stopped = root.stop('b')
    await clock.advance(60)
    b.lives.at(-1)?.cleaned.resolve()
    await stopped
    await clock.advance(10_000)
    expect(root.children().map(({ id, state }) => `${id} ${state}`)).toEqual(['a READY', 'b CLOSED'])
    await root.close()
  })

  it('leaves out a member that had ended by itself and is told to stop while the group is being stopped', async () => {
    const a = kid('a')
    const b = kid('b', {}, { restart: 'transient' })
    const c = kid('c', { cleanup: 'wait' })
    const { clock, root } = await grow([a.spec, b.spec, c.spec], { strategy: 'one_for_all' })
    b.lives[0]?.self.end('done')
    await clock.settle()
    root.ref('a').fail(new Error('broken'))
    await clock.settle()
    await root.stop('b')
    c.script.cleanup = 'at once'
    c.lives[0]?.cleaned.resolve()
    await clock.advance(10_000)
    expect(root.children().map(({ id, state }) => `${id} ${state}`)).toEqual([
      'a READY',
      'b CLOSED',
      'c READY',
    ])
    await root.close()
  })

  it('leaves out a member that was stopped while its supervisor rested, after the end that it restarts for', async () => {
    const a = kid('a')
    const b = kid('b')
    const input = {
      strategy: 'one_for_all',
      children: [a.spec, b.spec],
      policies: { default: calm },
    } as const
    const { clock, root } = await grow([childSpec({ id: 'sub', resource: supervisorResource, input })])
    const sub = await root.ref(supervisorResource, 'sub').ready()
    root.suspend('sub')
    a.lives[0]?.self.fail(new Error('broken'))
    await clock.advance(1_000)
    await sub.stop('b')
    root.resume('sub')
    await clock.advance(1_000)
    expect(sub.children().map(({ id, state }) => `${id} ${state}`)).toEqual(['a READY', 'b CLOSED'])
    await root.close()
  })

  it('leaves out a member that was stopped after the end that it restarts for', async () => {
    const a = kid('a')
    const b = kid('b')
    const c = kid('c', { initialize: 'wait' })
    const { clock, root } = await grow([a.spec, b.spec], { strategy: 'one_for_all' })
    const added = root.start(c.typed)
    await clock.settle()
    root.ref('a').fail(new Error('broken'))
    await clock.settle()
    await root.stop('b')
    c.script.initialize = 'at once'
    c.lives[0]?.initialized.resolve()
    await added
    await clock.advance(10_000)
    expect(root.children().map(({ id, state }) => `${id} ${state}`)).toEqual([
      'a READY',
      'b CLOSED',
      'c READY',
    ])
    await root.close()
  })
})

describe('a supervisor that is closed while children wait for a place among those that start', () => {
  it('starts none of them when those before them give their places back', async () => {
    const a = kid('a', { initialize: 'wait' })
    const b = kid('b')
    const { clock, root } = await grow([])
    const input = { strategy: 'dependency_closure', concurrentStarts: 1, children: [a.spec, b.spec] } as const
    const started = root.start(childSpec({ id: 'sub', resource: supervisorResource, input }))
    const refused = expect(started).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await clock.settle()
    expect([a.lives.length, b.lives.length]).toEqual([1, 0])
    const closed = root.close()
    a.lives[0]?.initialized.resolve()
    await Promise.all([closed, refused, clock.advance(1_000)])
    expect(b.lives).toEqual([])
  })
})

describe('a restart of a stopped child that is removed in the same breath', () => {
  it('holds as the last word, also where others might have to be held for it', async () => {
    const a = kid('a')
    const { clock, root } = await grow([a.spec], { strategy: 'dependency_closure' })
    await root.stop('a')
    await Promise.all([root.remove('a'), root.restart('a')])
    expect(root.children().map(({ id, state }) => `${id} ${state}`)).toEqual(['a READY'])
    await root.close()
    expect([a.lives.length, clock.pending]).toEqual([2, 0])
  })
})
