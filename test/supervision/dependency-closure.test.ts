import { describe, expect, it } from 'vitest'
import type { ChildSpec, SuperviseOptions } from '../../src/supervision/types.ts'
import type { Script } from '../resources/scripted.ts'
import { calm, grow, kid } from './tree.ts'

type More = Partial<ChildSpec<object, { life: number }, string>>

/** api needs db and cache; worker needs db; report needs api; metrics comes after db, but does not need it. */
function shop(
  changes: Readonly<Record<string, Partial<Script>>> = {},
  more: Readonly<Record<string, More>> = {},
) {
  const make = (id: string, spec: More) => kid(id, changes[id], { ...spec, ...more[id] })
  return {
    report: make('report', { dependsOn: ['api'] }),
    api: make('api', { dependsOn: ['db', 'cache'] }),
    db: make('db', {}),
    cache: make('cache', {}),
    worker: make('worker', { dependsOn: ['db'] }),
    metrics: make('metrics', { after: ['db'] }),
  }
}

const plant = async (kids: ReturnType<typeof shop>, options: Partial<SuperviseOptions> = {}) => {
  const world = await grow(
    Object.values(kids).map(({ spec }) => spec),
    { strategy: 'dependency_closure', ...options },
  )
  const ids = Object.keys(kids)
  const order = (type: string, from = 0): string[] =>
    world.events
      .slice(from)
      .filter(event => event.type === type)
      .map(({ name }) => name)
  const incarnations = () => Object.fromEntries(ids.map(id => [id, world.root.ref(id).incarnation]))
  const states = () => Object.fromEntries(ids.map(id => [id, world.root.ref(id).state]))
  return { ...world, order, incarnations, states }
}

describe('dependency_closure', () => {
  it('starts in waves: each child when what it needs is READY, side by side where nothing orders them', async () => {
    const kids = shop({ db: { initialize: 'wait' }, cache: { initialize: 'wait' } })
    const growing = plant(kids)
    const tick = () => new Promise(resolve => setImmediate(resolve))
    await tick()
    expect(
      Object.entries(kids)
        .filter(([, { lives }]) => lives.length > 0)
        .map(([id]) => id),
    ).toEqual(['db', 'cache'])
    kids.db.lives[0]?.initialized.resolve()
    await tick()
    expect(kids.worker.lives).toHaveLength(1)
    expect(kids.metrics.lives).toHaveLength(1)
    expect(kids.api.lives).toHaveLength(0)
    kids.cache.lives[0]?.initialized.resolve()
    const { root, order } = await growing
    expect(order('ready').slice(-2)).toEqual(['api', 'report'])
    await root.close()
  })

  it('stops in reverse, so that nobody outlives what it needs', async () => {
    const { root, order } = await plant(shop())
    await root.close()
    const stopped = order('child_terminated')
    const isBefore = (a: string, b: string) => stopped.indexOf(a) < stopped.indexOf(b)
    expect([
      isBefore('report', 'api'),
      isBefore('api', 'db'),
      isBefore('api', 'cache'),
      isBefore('worker', 'db'),
      isBefore('metrics', 'db'),
    ]).toEqual([true, true, true, true, true])
  })

  it('restarts those that need the child that failed, and nobody else', async () => {
    const kids = shop()
    const { root, clock, events, order, incarnations } = await plant(kids)
    const from = events.length
    kids.db.lives[0]?.self.fail(new Error('lost'))
    await clock.advance(99)
    expect(order('child_terminated', from)).toEqual(['db', 'report', 'worker', 'api'])
    expect(incarnations()).toMatchObject({ cache: 1, metrics: 1 })
    expect(root.ref('api').state).toBe('CLOSED')
    await clock.advance(1)
    expect(incarnations()).toEqual({ report: 2, api: 2, db: 2, cache: 1, worker: 2, metrics: 1 })
    expect(order('ready', from).indexOf('db')).toBe(0)
    expect(order('ready', from).indexOf('report')).toBeGreaterThan(order('ready', from).indexOf('api'))
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('spends one restart however many come with it', async () => {
    const kids = shop()
    const { root, clock } = await plant(kids, { intensity: { restarts: 2, within: 60_000 } })
    for (const life of [0, 1]) {
      kids.db.lives[life]?.self.fail('lost')
      await clock.advance(1_000)
    }
    expect(root.children().map(({ id, window }) => [id, window.used])).toContainEqual(['db', 2])
    expect(root.children().find(({ id }) => id === 'api')?.window.used).toBe(0)
    expect(root.state).toBe('READY')
    kids.db.lives[2]?.self.fail('lost')
    await clock.advance(1_000)
    expect((await root.closed).reason).toBe('failed')
  })

  it('starts nobody before the cleanups of all that need it have ended', async () => {
    const kids = shop({ report: { cleanup: 'wait' } }, { report: { shutdown: 10_000 } })
    const { root, clock } = await plant(kids)
    kids.db.lives[0]?.self.fail('lost')
    await clock.advance(5_000)
    expect(kids.db.lives).toHaveLength(1)
    expect(kids.api.lives[0]?.cleanups).toEqual([])
    kids.report.lives[0]?.cleaned.resolve()
    await clock.settle()
    expect(kids.db.lives).toHaveLength(2)
    kids.report.lives[1]?.cleaned.resolve()
    await clock.settle()
    expect(root.ref('report').state).toBe('READY')
    kids.report.lives[1]?.cleaned.resolve()
    await root.close()
  })

  it('holds up no other branch while one waits for its backoff', async () => {
    const kids = shop()
    const { root, clock } = await plant(kids, {
      policies: {
        default: { ...calm, backoff: { ...calm.backoff, initial: 100 } },
        names: { cache: { backoff: { initial: 1_000 } } },
      },
    })
    kids.cache.lives[0]?.self.fail('lost')
    kids.worker.lives[0]?.self.fail('lost')
    await clock.advance(100)
    expect([root.ref('worker').state, root.ref('cache').state, root.ref('api').state]).toEqual([
      'READY',
      'CLOSED',
      'CLOSED',
    ])
    await clock.advance(900)
    expect([root.ref('cache').state, root.ref('api').state, root.ref('report').state]).toEqual([
      'READY',
      'READY',
      'READY',
    ])
    await root.close()
  })

  it('lets a child that needs two failed ones wait for both', async () => {
    const kids = shop()
    const { root, clock, incarnations } = await plant(kids, {
      policies: { default: calm, names: { cache: { backoff: { initial: 700 } } } },
    })
    kids.db.lives[0]?.self.fail('lost')
    await clock.settle()
    kids.cache.lives[0]?.self.fail('lost')
    await clock.advance(500)
    expect([root.ref('db').state, root.ref('worker').state, root.ref('api').state]).toEqual([
      'READY',
      'READY',
      'CLOSED',
    ])
    await clock.advance(200)
    expect(root.ref('report').state).toBe('READY')
    expect(incarnations()).toMatchObject({ api: 2, report: 2, cache: 2, db: 2 })
    await root.close()
  })

  it('tries a dependant that cannot start again alone, and pays for it from its own window', async () => {
    const kids = shop()
    const { root, clock, incarnations } = await plant(kids)
    kids.api.script.initialize = 'wait'
    kids.db.lives[0]?.self.fail('lost')
    await clock.advance(100)
    kids.api.lives[1]?.initialized.reject(new Error('not yet'))
    await clock.settle()
    kids.api.script.initialize = 'at once'
    await clock.advance(100)
    expect(incarnations()).toEqual({ report: 2, api: 3, db: 2, cache: 1, worker: 2, metrics: 1 })
    expect(root.children().find(({ id }) => id === 'api')?.window.used).toBe(1)
    await root.close()
  })

  it('leaves those that need it alone when a child ends in the normal way and is not to come back', async () => {
    const kids = shop({}, { db: { restart: 'transient' } })
    const { root, clock, states } = await plant(kids)
    kids.db.lives[0]?.self.end()
    await clock.advance(1_000)
    expect(states()).toMatchObject({ db: 'CLOSED', api: 'READY', worker: 'READY' })
    kids.api.lives[0]?.self.fail('lost')
    await clock.advance(1_000)
    expect(states()).toMatchObject({ db: 'CLOSED', api: 'READY', report: 'READY' })
    await root.close()
  })

  it('stops those that need a child for good when it fails and is not to come back', async () => {
    const kids = shop({}, { db: { policy: { decide: { '*': 'stop' } } } })
    const { root, clock, states } = await plant(kids)
    kids.db.lives[0]?.self.fail('lost')
    await clock.advance(5_000)
    expect(states()).toEqual({
      report: 'CLOSED',
      api: 'CLOSED',
      db: 'CLOSED',
      cache: 'READY',
      worker: 'CLOSED',
      metrics: 'READY',
    })
    await root.close()
  })

  it('stops those that need it first when a child is stopped by hand, and restarts them with it', async () => {
    const kids = shop()
    const { root, clock, events, order, states, incarnations } = await plant(kids)
    const from = events.length
    await root.restart('api')
    await clock.settle()
    expect(order('child_terminated', from)).toEqual(['report', 'api'])
    expect(incarnations()).toMatchObject({ api: 2, report: 2, db: 1 })
    const later = events.length
    await root.stop('db')
    expect(order('child_terminated', later).at(-1)).toBe('db')
    expect(states()).toMatchObject({
      db: 'CLOSED',
      api: 'CLOSED',
      report: 'CLOSED',
      worker: 'CLOSED',
      cache: 'READY',
      metrics: 'READY',
    })
    await root.restart('db')
    await root.restart('worker')
    expect(states()).toMatchObject({ db: 'READY', worker: 'READY', api: 'CLOSED' })
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('refuses to remove what others need', async () => {
    const { root } = await plant(shop())
    await expect(root.remove('db')).rejects.toMatchObject({ code: 'EXO_CHILD_SPEC_INVALID' })
    await root.remove('report')
    await root.remove('api')
    await root.remove('cache')
    await root.close()
  })

  it('starts a child that is added later when what it needs is READY again', async () => {
    const kids = shop()
    const { root, clock } = await plant(kids)
    const late = kid('late', {}, { dependsOn: ['db'] })
    kids.db.lives[0]?.self.fail('lost')
    await clock.settle()
    const starting = root.start(late.spec)
    await clock.settle()
    expect(late.lives).toHaveLength(0)
    await clock.advance(100)
    await starting
    expect(root.ref('late').state).toBe('READY')
    await root.close()
  })

  it('takes a dependant with it that needs it without an order, and starts the two side by side', async () => {
    const a = kid('a')
    const b = kid('b', {}, { requires: ['a'] })
    const { root, clock, story } = await grow([b.spec, a.spec], { strategy: 'dependency_closure' })
    a.lives[0]?.self.fail('lost')
    await clock.advance(100)
    expect([a.lives.length, b.lives.length]).toEqual([2, 2])
    b.lives[1]?.self.fail('lost')
    await clock.advance(200)
    expect([a.lives.length, b.lives.length]).toEqual([2, 3])
    expect(story().length).toBeGreaterThan(0)
    await root.close()
  })

  it('starts both of two that need each other without an order', async () => {
    const a = kid('a', {}, { requires: ['b'] })
    const b = kid('b', {}, { requires: ['a'] })
    const { root, clock } = await grow([a.spec, b.spec], { strategy: 'dependency_closure' })
    a.lives[0]?.self.fail('lost')
    await clock.advance(100)
    expect([root.ref('a').state, root.ref('b').state, a.lives.length, b.lives.length]).toEqual([
      'READY',
      'READY',
      2,
      2,
    ])
    await root.close()
  })

  it('fails as a whole when one cannot start, and stops what had started, in reverse', async () => {
    const kids = shop({ api: { initialize: 'wait' } })
    const growing = plant(kids)
    await new Promise(resolve => setImmediate(resolve))
    kids.api.lives[0]?.initialized.reject(new Error('no'))
    await expect(growing).rejects.toMatchObject({ details: { id: 'api' } })
    expect(kids.report.lives).toEqual([])
    for (const { lives } of Object.values(kids))
      for (const life of lives) expect(life.cleanups).toHaveLength(1)
  })
})
