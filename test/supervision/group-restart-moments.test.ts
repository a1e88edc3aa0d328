import { describe, expect, it } from 'vitest'
import type { PolicyInput } from '../../src/supervision/policy.ts'
import type { SuperviseOptions } from '../../src/supervision/types.ts'
import { grow, kid } from './tree.ts'

type Kid = ReturnType<typeof kid>

const kids = (...ids: string[]): Kid[] => ids.map(id => kid(id))
const lives = (all: readonly Kid[]) => all.map(one => one.lives.length)
const growGroup = (all: readonly Kid[], options: Partial<SuperviseOptions>) =>
  grow(
    all.map(({ spec }) => spec),
    options,
  )

describe('the restart of a group', () => {
  it('starts the members that are left, although one that has started fails meanwhile, and then begins anew', async () => {
    const all = kids('a', 'b', 'c')
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    const [a, b] = all
    if (b) b.script.initialize = 'wait'
    root.ref('c').fail('x')
    await clock.advance(100)
    a?.lives[1]?.self.fail('meanwhile')
    await clock.settle()
    if (b) b.script.initialize = 'at once'
    b?.lives[1]?.initialized.resolve()
    await clock.settle()
    expect(lives(all)).toEqual([2, 2, 2])
    await clock.advance(100)
    expect(lives(all)).toEqual([3, 3, 3])
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('leaves the others alone when its members were removed during the backoff', async () => {
    const all = kids('x', 'a')
    const { root, clock } = await growGroup(all, { strategy: 'rest_for_one' })
    root.ref('a').fail('x')
    await clock.advance(50)
    await root.remove('a')
    await clock.advance(1_000)
    expect(lives(all)).toEqual([1, 1])
    expect(root.ref('x').state).toBe('READY')
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('waits anew when a member that was restarted by hand during the backoff fails', async () => {
    const all = kids('a', 'b')
    const { root, clock, story } = await growGroup(all, { strategy: 'one_for_all' })
    root.ref('a').fail('x')
    await clock.advance(50)
    await root.restart('b')
    root.ref('b').fail('y')
    await clock.advance(99)
    expect(lives(all)).toEqual([1, 2])
    await clock.advance(1)
    expect(lives(all)).toEqual([2, 3])
    expect(story().filter(text => text.startsWith('backoff'))).toEqual([
      'backoff_scheduled a#1 100',
      'backoff_scheduled b#2 100',
    ])
    await root.close()
  })

  it('leaves no timer of the wait that a larger group has put an end to', async () => {
    const all = kids('a', 'b')
    const { root, clock } = await growGroup(all, { strategy: 'rest_for_one' })
    root.ref('b').fail('x')
    await clock.advance(50)
    const waiting = clock.pending
    root.ref('a').fail('y')
    await clock.settle()
    expect(clock.pending).toBeLessThanOrEqual(waiting)
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('goes on without a member that was stopped before its turn to be stopped', async () => {
    const all = [kid('a'), kid('b', { cleanup: 'wait' }, { shutdown: 60_000 }), kid('c')]
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    const [, b] = all
    root.ref('c').fail('x')
    await clock.settle()
    await root.stop('a')
    if (b) b.script.cleanup = 'at once'
    b?.lives[0]?.cleaned.resolve()
    await clock.advance(1_000)
    expect(lives(all)).toEqual([1, 2, 2])
    expect(root.children()[0]).toMatchObject({ state: 'CLOSED', ended: true })
    await root.close()
  })

  it('does nothing about the end of a member that was restarted by hand before it could', async () => {
    const all = kids('a', 'b')
    const { root, clock, story } = await growGroup(all, { strategy: 'one_for_all' })
    const [a, b] = all
    if (b) b.script.initialize = 'wait'
    root.ref('b').fail('x')
    await clock.advance(100)
    a?.lives[1]?.self.fail('meanwhile')
    await clock.settle()
    await root.restart('a')
    b?.lives[1]?.initialized.resolve()
    await clock.advance(10_000)
    expect(lives(all)).toEqual([3, 2])
    expect(story().filter(text => text.startsWith('backoff'))).toEqual(['backoff_scheduled b#1 100'])
    await root.close()
  })

  it('goes on after a member whose circuit opens, which comes back by itself', async () => {
    const policy = { intensity: { restarts: 0 }, circuit: 10_000 }
    const all = [kid('a'), kid('b', {}, { policy }), kid('c'), kid('d')]
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    const [, b, , d] = all
    if (b) b.script.initialize = 'wait'
    root.ref('a').fail('x')
    await clock.advance(50)
    await root.stop('d')
    await clock.advance(50)
    b?.lives[1]?.initialized.reject(new Error('broken'))
    await clock.advance(1_000)
    expect(lives(all)).toEqual([2, 2, 2, 1])
    expect(root.children().map(({ state, circuit }) => [state, circuit])).toEqual([
      ['READY', 'closed'],
      ['CLOSED', 'open'],
      ['READY', 'closed'],
      ['CLOSED', 'closed'],
    ])
    if (b) b.script.initialize = 'at once'
    await clock.advance(10_000)
    expect([lives(all), root.ref('b').state, d?.lives.length]).toEqual([[2, 3, 2, 1], 'READY', 1])
    await root.close()
    expect(clock.pending).toBe(0)
  })

  describe('while a member waits for its turn to be stopped', () => {
    async function waiting(policy: PolicyInput) {
      const a = kid('a', {}, { policy })
      const b = kid('b', { cleanup: 'wait' }, { shutdown: 'infinity' })
      const c = kid('c')
      const world = await growGroup([a, b, c], { strategy: 'one_for_all' })
      c.lives[0]?.self.fail('lost')
      await world.clock.settle()
      a.lives[0]?.self.fail('meanwhile')
      const ready = world.root.ref('a').ready()
      await world.clock.settle()
      b.lives[0]?.cleaned.resolve()
      b.script.cleanup = 'at once'
      await world.clock.advance(100)
      const told = world.events.filter(({ name, incarnation }) => name === 'a' && incarnation === 1)
      return { ...world, a, ready, told }
    }

    it('does not end the wait for a member that fails then, although its policy leaves it in ERROR', async () => {
      const { root, ready } = await waiting({ on: ['DEGRADED'] })
      expect(await ready).toEqual({ life: 2 })
      await root.close()
    })

    it('lets none go on that fails then, although its policy says that it does', async () => {
      const { root, told, ready } = await waiting({ decide: { '*': 'resume' } })
      expect(told.map(({ type }) => type)).toEqual(['started', 'ready', 'failed', 'child_terminated'])
      expect(await ready).toEqual({ life: 2 })
      await root.close()
    })

    it('has its end told as one that the group asked for', async () => {
      const { root, told } = await waiting({})
      expect(told.map(({ type, error }) => [type, error !== undefined])).toEqual([
        ['started', false],
        ['ready', false],
        ['failed', true],
        ['child_terminated', false],
      ])
      await root.close()
    })
  })

  it('ends with the supervisor when a member must not be restarted but escalated', async () => {
    const all = [kid('a'), kid('b', {}, { restart: 'temporary', policy: { decide: { '*': 'escalate' } } })]
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    root.ref('b').fail('x')
    await clock.advance(1_000)
    expect(await root.closed).toMatchObject({ reason: 'failed' })
    expect(lives(all)).toEqual([1, 1])
  })
})

describe('another strategy, given to a supervisor that runs,', () => {
  it('holds from the next failure on when nothing is under way', async () => {
    const all = kids('a', 'b')
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    root.reload({ strategy: 'one_for_one' })
    root.ref('a').fail('x')
    await clock.advance(100)
    expect(lives(all)).toEqual([2, 1])
    root.reload({ strategy: 'one_for_all' })
    root.ref('a').fail('y')
    await clock.advance(200)
    expect(lives(all)).toEqual([3, 2])
    await root.close()
  })

  it('does not keep a group from coming back that waits for its backoff', async () => {
    const all = kids('a', 'b')
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    root.ref('a').fail('x')
    await clock.advance(50)
    root.reload({ strategy: 'one_for_one' })
    const late = kid('late')
    await root.start(late.typed)
    await clock.advance(50)
    expect([...lives(all), late.lives.length]).toEqual([2, 2, 2])
    root.ref('b').fail('y')
    await clock.advance(1_000)
    expect([...lives(all), late.lives.length]).toEqual([2, 3, 2])
    await root.close()
  })

  it('waits until a group that is starting has started', async () => {
    const all = kids('a', 'b')
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    const [, b] = all
    if (b) b.script.initialize = 'wait'
    root.ref('a').fail('x')
    await clock.advance(100)
    root.reload({ strategy: 'one_for_one' })
    root.ref('a').fail('y')
    await clock.advance(200)
    expect(lives(all)).toEqual([2, 2])
    if (b) b.script.initialize = 'at once'
    b?.lives[1]?.initialized.resolve()
    await clock.advance(200)
    expect(lives(all)).toEqual([3, 3])
    root.ref('a').fail('z')
    await clock.advance(1_000)
    expect(lives(all)).toEqual([4, 3])
    await root.close()
  })

  it('lets those that wait for what they need come back with it', async () => {
    const db = kid('db')
    const api = kid('api', {}, { dependsOn: ['db'] })
    const { root, clock } = await growGroup([db, api], { strategy: 'dependency_closure' })
    db.lives[0]?.self.fail('x')
    await clock.advance(50)
    root.reload({ strategy: 'dependency_closure', children: [] })
    await clock.advance(50)
    expect(lives([db, api])).toEqual([2, 2])
    await root.close()
  })
})
