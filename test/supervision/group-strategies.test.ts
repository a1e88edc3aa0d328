import { describe, expect, it } from 'vitest'
import type { SuperviseOptions, SupervisionEvent } from '../../src/supervision/types.ts'
import { calm, grow, kid } from './tree.ts'

type Kid = ReturnType<typeof kid>

const kids = (...ids: string[]): Kid[] => ids.map(id => kid(id))
const lives = (all: readonly Kid[]) => all.map(one => one.lives.length)
const growGroup = (all: readonly Kid[], options: Partial<SuperviseOptions>) =>
  grow(
    all.map(({ spec }) => spec),
    options,
  )

/** Who ended, began and became READY, in order. */
const order = (events: readonly SupervisionEvent[]) =>
  events.flatMap(({ type, name }) => {
    if (type === 'child_terminated') return [`-${name}`]
    if (type === 'started') return [`+${name}`]
    return type === 'ready' ? [`=${name}`] : []
  })

describe('one_for_all', () => {
  it('stops the others in reverse order, waits for the backoff, and starts all in order, each after the one before it is READY', async () => {
    const all = kids('a', 'b', 'c')
    const { root, clock, events } = await growGroup(all, { strategy: 'one_for_all' })
    events.length = 0
    root.ref('b').fail('x')
    await clock.advance(99)
    expect(order(events)).toEqual(['-b', '-c', '-a'])
    await clock.advance(1)
    expect(order(events).slice(3)).toEqual(['+a', '=a', '+b', '=b', '+c', '=c'])
    expect(events.filter(({ type }) => type === 'backoff_scheduled').map(({ name }) => name)).toEqual(['b'])
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('starts none again before the last cleanup has ended', async () => {
    const all = [kid('a'), kid('b', { cleanup: 'wait' }), kid('c')]
    const { root, clock } = await growGroup(all, {
      strategy: 'one_for_all',
      policies: { default: { ...calm, shutdown: 10_000 } },
    })
    root.ref('a').fail('x')
    await clock.advance(5_000)
    expect(root.children().map(({ state }) => state)).toEqual(['CLOSED', 'CLOSING', 'CLOSED'])
    expect(lives(all)).toEqual([1, 1, 1])
    all[1]?.lives[0]?.cleaned.resolve()
    await clock.advance(100)
    expect(lives(all)).toEqual([2, 2, 2])
    all[1]?.lives[1]?.cleaned.resolve()
    await root.close()
  })

  it('counts a restart of the group once: in the window of the child that failed, and in the one of the supervisor', async () => {
    const all = kids('a', 'b', 'c')
    const { root, clock } = await growGroup(all, {
      strategy: 'one_for_all',
      intensity: { restarts: 2, within: 60_000 },
    })
    for (const id of ['a', 'b']) {
      root.ref(id).fail('x')
      await clock.advance(1_000)
    }
    expect(root.children().map(({ window }) => window.used)).toEqual([1, 1, 0])
    root.ref('c').fail('x')
    await clock.settle()
    expect(await root.closed).toMatchObject({ reason: 'failed', error: { code: 'EXO_INTENSITY_EXCEEDED' } })
    expect(lives(all)).toEqual([3, 3, 3])
  })

  it('lets callers of every member wait through the restart', async () => {
    const all = kids('a', 'b')
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    root.ref('b').fail('x')
    await clock.advance(50)
    const waiting = root.ref('a').ready()
    expect(root.children().map(({ state, ended }) => [state, ended])).toEqual([
      ['CLOSED', false],
      ['CLOSED', false],
    ])
    await clock.advance(50)
    expect(await waiting).toEqual({ life: 2 })
    await root.close()
  })

  it('stops those that were restarted again when a later one cannot start, and that one drives and pays for the next attempt', async () => {
    const all = kids('a', 'b')
    const { root, clock, events, story } = await growGroup(all, { strategy: 'one_for_all' })
    const [, b] = all
    if (b) b.script.initialize = 'wait'
    root.ref('a').fail('x')
    await clock.advance(100)
    events.length = 0
    b?.lives[1]?.initialized.reject(new Error('not now'))
    if (b) b.script.initialize = 'at once'
    await clock.settle()
    expect(order(events)).toEqual(['-b', '-a'])
    expect(story().at(-1)).toBe('backoff_scheduled b#2 100')
    await clock.advance(100)
    expect(order(events).slice(2)).toEqual(['+a', '=a', '+b', '=b'])
    expect(root.children().map(({ window }) => window.used)).toEqual([1, 1])
    await root.close()
  })

  it('deals with a member that ends during the restart of the group after it', async () => {
    const all = kids('a', 'b')
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    const [a, b] = all
    if (b) b.script.initialize = 'wait'
    root.ref('b').fail('x')
    await clock.advance(100)
    a?.lives[1]?.self.fail('meanwhile')
    await clock.settle()
    expect(root.children().map(({ state }) => state)).toEqual(['CLOSED', 'INITIALIZING'])
    if (b) b.script.initialize = 'at once'
    b?.lives[1]?.initialized.resolve()
    await clock.advance(100)
    expect(lives(all)).toEqual([3, 3])
    expect(root.children().map(({ state, window }) => [state, window.used])).toEqual([
      ['READY', 1],
      ['READY', 1],
    ])
    await root.close()
  })

  it('waits with a restart until the first start of another child has ended', async () => {
    const all = kids('a')
    const late = kid('late', { initialize: 'wait' })
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    const starting = root.start(late.typed)
    await clock.settle()
    root.ref('a').fail('x')
    await clock.advance(200)
    expect([...lives(all), late.lives.length]).toEqual([1, 1])
    late.script.initialize = 'at once'
    late.lives[0]?.initialized.resolve()
    await starting
    await clock.advance(100)
    expect([...lives(all), late.lives.length]).toEqual([2, 2])
    await root.close()
  })

  it('refuses the id of a member at once, also while the group is starting', async () => {
    const all = kids('a')
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    const [a] = all
    if (a) a.script.initialize = 'wait'
    root.ref('a').fail('x')
    await clock.advance(100)
    expect(root.ref('a').state).toBe('INITIALIZING')
    await expect(root.start(kid('a').typed)).rejects.toMatchObject({ code: 'EXO_CHILD_SPEC_INVALID' })
    a?.lives[1]?.initialized.resolve()
    await root.close()
  })

  it('starts a new child while the group waits for its backoff, and takes it into the group', async () => {
    const all = kids('a')
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    root.ref('a').fail('x')
    await clock.advance(50)
    const late = kid('late')
    await root.start(late.typed)
    expect(root.ref('late').state).toBe('READY')
    await clock.advance(50)
    expect([...lives(all), late.lives.length]).toEqual([2, 2])
    expect(root.children().map(({ state }) => state)).toEqual(['READY', 'READY'])
    await root.close()
  })

  it('goes on with the others when the one that failed is a transient that ends in the normal way while it starts again', async () => {
    const all = [kid('a'), kid('b', {}, { restart: 'transient' }), kid('c')]
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    const b = all[1]
    if (b) b.script.initialize = 'wait'
    root.ref('a').fail('x')
    await clock.advance(100)
    b?.lives[1]?.self.end('nothing to do')
    b?.lives[1]?.initialized.resolve()
    await clock.settle()
    expect(root.children().map(({ state }) => state)).toEqual(['READY', 'CLOSED', 'READY'])
    await root.close()
  })

  it('leaves a child alone that was never started', async () => {
    const all = [kid('a'), kid('b', {}, { start: false })]
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    root.ref('a').fail('x')
    await clock.advance(100)
    expect(lives(all)).toEqual([2, 0])
    await root.close()
  })
})

describe('a stop during the restart of a group wins', () => {
  it('while the group waits for its backoff: also over the child that failed; the others come back', async () => {
    const all = kids('a', 'b', 'c')
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    root.ref('b').fail('x')
    await clock.advance(50)
    await Promise.all([root.stop('b'), root.stop('c')])
    await clock.advance(10_000)
    expect(lives(all)).toEqual([2, 1, 1])
    expect(root.children().map(({ state }) => state)).toEqual(['READY', 'CLOSED', 'CLOSED'])
    await root.close()
  })

  it('while the group is being stopped, and in later attempts', async () => {
    const all = [kid('a', { cleanup: 'wait' }), kid('b'), kid('c')]
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    const [a, b] = all
    root.ref('c').fail('x')
    await clock.settle()
    const stopping = root.stop('a')
    a?.lives[0]?.cleaned.resolve()
    await stopping
    if (b) b.script.initialize = 'wait'
    await clock.advance(100)
    if (b) b.script.initialize = 'at once'
    b?.lives[1]?.initialized.reject(new Error('not now'))
    await clock.advance(10_000)
    expect(lives(all)).toEqual([1, 3, 2])
    expect(root.children().map(({ state }) => state)).toEqual(['CLOSED', 'READY', 'READY'])
    await root.close()
  })

  it('while it starts: the next ones start all the same', async () => {
    const all = kids('a', 'b')
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    const [a] = all
    if (a) a.script.initialize = 'wait'
    root.ref('b').fail('x')
    await clock.advance(100)
    const stopping = root.stop('a')
    a?.lives[1]?.initialized.reject(new Error('aborted'))
    await stopping
    await clock.settle()
    expect(root.children().map(({ state }) => state)).toEqual(['CLOSED', 'READY'])
    await root.close()
  })

  it('as a close, at every moment of it: nothing starts any more, and no timer is left', async () => {
    for (const moment of [0, 50, 100, 150, 200, 250, 300]) {
      const slow = { cleanup: 'wait' as const }
      const all = [kid('a', slow), kid('b', slow)]
      const { root, clock, events } = await growGroup(all, { strategy: 'one_for_all' })
      root.ref('a').fail('x')
      await clock.advance(moment)
      for (const { lives } of all) lives.at(-1)?.cleaned.resolve()
      await clock.advance(moment)
      events.length = 0
      const closing = root.close()
      await clock.advance(5_000)
      await closing
      expect(order(events).filter(text => text.startsWith('+'))).toEqual([])
      expect(clock.pending).toBe(0)
    }
  })
})

describe('a child that was stopped', () => {
  it('during the restart of its group comes back with the next one, as in OTP', async () => {
    const all = kids('a', 'b')
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    root.ref('a').fail('x')
    await clock.advance(50)
    await root.stop('b')
    await clock.advance(50)
    expect(lives(all)).toEqual([2, 1])
    root.ref('a').fail('y')
    await clock.advance(200)
    expect(lives(all)).toEqual([3, 2])
    expect(root.ref('b').state).toBe('READY')
    await root.close()
  })
})

describe('rest_for_one', () => {
  it('leaves those before the failed child alone, and restarts it and those after it', async () => {
    const all = kids('a', 'b', 'c', 'd')
    const { root, clock, events } = await growGroup(all, { strategy: 'rest_for_one' })
    events.length = 0
    root.ref('b').fail('x')
    await clock.advance(100)
    expect(order(events)).toEqual(['-b', '-d', '-c', '+b', '=b', '+c', '=c', '+d', '=d'])
    expect(lives(all)).toEqual([1, 2, 2, 2])
    await root.close()
  })

  it('keeps those that were restarted before one that cannot start', async () => {
    const all = kids('a', 'b', 'c')
    const { root, clock } = await growGroup(all, { strategy: 'rest_for_one' })
    const b = all[1]
    if (b) b.script.initialize = 'wait'
    root.ref('a').fail('x')
    await clock.advance(100)
    b?.lives[1]?.initialized.reject(new Error('not now'))
    if (b) b.script.initialize = 'at once'
    await clock.advance(100)
    expect(lives(all)).toEqual([2, 3, 2])
    expect(root.children().map(({ state, window }) => [state, window.used])).toEqual([
      ['READY', 1],
      ['READY', 1],
      ['READY', 0],
    ])
    await root.close()
  })

  it('lets an earlier child that fails during the backoff take the waiting group with it', async () => {
    const all = kids('a', 'b', 'c')
    const { root, clock } = await growGroup(all, { strategy: 'rest_for_one' })
    root.ref('b').fail('x')
    await clock.advance(50)
    root.ref('a').fail('y')
    await clock.advance(50)
    expect(lives(all)).toEqual([1, 1, 1])
    await clock.advance(50)
    expect(lives(all)).toEqual([2, 2, 2])
    await clock.advance(10_000)
    expect(lives(all)).toEqual([2, 2, 2])
    await root.close()
  })

  it('does not let a later child, started during the backoff, end the wait of the group before it', async () => {
    const all = kids('a', 'b')
    const { root, clock } = await growGroup(all, { strategy: 'rest_for_one' })
    root.ref('a').fail('x')
    await clock.advance(50)
    const late = kid('late')
    await root.start(late.typed)
    root.ref('late').fail('y')
    await clock.advance(50)
    expect([...lives(all), late.lives.length]).toEqual([2, 2, 2])
    expect(root.children().map(({ state }) => state)).toEqual(['READY', 'READY', 'READY'])
    await root.close()
  })
})

describe('restarted by hand during the backoff of its group, a member', () => {
  it('runs at once, and again with the group', async () => {
    const all = kids('a', 'b')
    const { root, clock } = await growGroup(all, { strategy: 'one_for_all' })
    root.ref('a').fail('x')
    await clock.advance(50)
    await root.restart('b')
    expect(lives(all)).toEqual([1, 2])
    await clock.advance(50)
    expect(lives(all)).toEqual([2, 3])
    expect(root.children().map(({ state }) => state)).toEqual(['READY', 'READY'])
    await root.close()
  })
})
