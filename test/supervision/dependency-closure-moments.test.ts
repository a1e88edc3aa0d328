import { describe, expect, it } from 'vitest'
import { calm, grow, kid } from './tree.ts'

const strategy = 'dependency_closure'
const numbers = (...kids: readonly ReturnType<typeof kid>[]) => kids.map(({ lives }) => lives.length)

describe('dependency_closure, while somebody who needs a child makes its first start', () => {
  const starting = async (restart: 'permanent' | 'transient' = 'permanent') => {
    const db = kid('db', {}, { restart })
    const api = kid('api', { initialize: 'wait' }, { dependsOn: ['db'] })
    const world = await grow([db.spec], { strategy })
    const started = world.root.start(api.typed)
    await world.clock.settle()
    return { ...world, db, api, started }
  }

  it('deals with the failure of that child after the start', async () => {
    const { root, clock, db, api, started } = await starting()
    db.lives[0]?.self.fail('lost')
    await clock.advance(400)
    expect(numbers(db, api)).toEqual([1, 1])
    api.script.initialize = 'at once'
    api.lives[0]?.initialized.resolve()
    await started
    await clock.advance(100)
    expect(numbers(db, api)).toEqual([2, 2])
    expect([root.ref('db').state, root.ref('api').state]).toEqual(['READY', 'READY'])
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('forgets the failure when the child is restarted by hand meanwhile', async () => {
    const { root, clock, db, api, started } = await starting()
    started.catch(() => undefined)
    db.lives[0]?.self.fail('lost')
    await clock.settle()
    const restarted = root.restart('db')
    await clock.settle()
    api.lives[0]?.initialized.resolve()
    await restarted
    await expect(started).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await clock.advance(10_000)
    expect(numbers(db)).toEqual([2])
    await root.close()
  })

  it('does nothing about the failure when the supervisor is closed meanwhile', async () => {
    const { root, clock, events, db, api, started } = await starting()
    started.catch(() => undefined)
    db.lives[0]?.self.fail('lost')
    await clock.settle()
    const closing = root.close()
    api.lives[0]?.initialized.resolve()
    await clock.settle()
    await closing
    await clock.advance(10_000)
    expect(numbers(db, api)).toEqual([1, 1])
    expect(events.filter(({ type }) => type === 'backoff_scheduled')).toEqual([])
    expect(clock.pending).toBe(0)
  })
})

describe('dependency_closure, when a child is restarted by hand', () => {
  it('starts nobody who needs it before all of them have stopped, whatever happens beside', async () => {
    const a = kid('a')
    const slow = kid('slow', { cleanup: 'wait' }, { requires: ['a'], shutdown: 60_000 })
    const quick = kid('quick', {}, { requires: ['a'] })
    const beside = kid('beside')
    const { root, clock } = await grow([a.spec, slow.spec, quick.spec, beside.spec], { strategy })
    const restarted = root.restart('a')
    beside.lives[0]?.self.fail('lost')
    await clock.advance(1_000)
    expect(numbers(a, slow, quick, beside)).toEqual([1, 1, 1, 2])
    slow.script.cleanup = 'at once'
    slow.lives[0]?.cleaned.resolve()
    await restarted
    await clock.settle()
    expect(numbers(a, slow, quick)).toEqual([2, 2, 2])
    await root.close()
  })
})

describe('dependency_closure, when a child does not come back', () => {
  it('forgets the temporary ones that needed it, and starts those that only came after it', async () => {
    const db = kid('db', {}, { policy: { decide: { '*': 'stop' } } })
    const job = kid('job', {}, { dependsOn: ['db'], restart: 'temporary' })
    const api = kid('api', {}, { dependsOn: ['db'] })
    const metrics = kid('metrics', {}, { after: ['db'] })
    const { root, clock } = await grow([db.spec, job.spec, api.spec, metrics.spec], {
      strategy,
      policies: { default: calm, names: { metrics: { backoff: { initial: 1_000 } } } },
    })
    metrics.lives[0]?.self.fail('lost')
    await clock.settle()
    db.lives[0]?.self.fail('lost')
    await clock.advance(1_000)
    expect(root.children().map(({ id, state }) => [id, state])).toEqual([
      ['db', 'CLOSED'],
      ['api', 'CLOSED'],
      ['metrics', 'READY'],
    ])
    expect(numbers(db, job, api, metrics)).toEqual([1, 1, 1, 2])
    await root.close()
  })

  it('lets one that came after it start as soon as the last restart of the child is over for good', async () => {
    const db = kid('db', {}, { restart: 'transient' })
    const metrics = kid('metrics', {}, { after: ['db'] })
    const { root, clock } = await grow([db.spec, metrics.spec], { strategy })
    db.script.initialize = 'wait'
    db.lives[0]?.self.fail('lost')
    metrics.lives[0]?.self.fail('lost')
    await clock.advance(100)
    expect(numbers(db, metrics)).toEqual([2, 1])
    db.lives[1]?.self.end('nothing to do')
    db.lives[1]?.initialized.resolve()
    await clock.settle()
    expect(numbers(db, metrics)).toEqual([2, 2])
    expect(root.ref('metrics').state).toBe('READY')
    await root.close()
  })
})

describe('dependency_closure, when a restart takes others with it', () => {
  it('does not bring back the temporary ones, and knows them no more', async () => {
    const db = kid('db')
    const job = kid('job', {}, { dependsOn: ['db'], restart: 'temporary' })
    const { root, clock } = await grow([db.spec, job.spec], { strategy })
    db.lives[0]?.self.fail('lost')
    await clock.advance(1_000)
    expect(root.children().map(({ id }) => id)).toEqual(['db'])
    expect(numbers(db, job)).toEqual([2, 1])
    await root.close()
  })

  it('leaves one alone that was stopped by hand while the others are being stopped', async () => {
    const db = kid('db')
    const api = kid('api', {}, { dependsOn: ['db'] })
    const slow = kid('slow', { cleanup: 'wait' }, { dependsOn: ['db'], shutdown: 60_000 })
    const { root, clock } = await grow([db.spec, api.spec, slow.spec], { strategy })
    db.lives[0]?.self.fail('lost')
    await clock.settle()
    const stopped = root.stop('api')
    await clock.settle()
    slow.script.cleanup = 'at once'
    slow.lives[0]?.cleaned.resolve()
    await stopped
    await clock.advance(10_000)
    expect(numbers(db, api, slow)).toEqual([2, 1, 2])
    expect(root.children().find(({ id }) => id === 'api')).toMatchObject({ state: 'CLOSED', ended: true })
    await root.close()
  })

  it('starts one again after a sibling that is only DEGRADED', async () => {
    const db = kid('db', { recover: () => new Promise(() => undefined) })
    const api = kid('api', {}, { dependsOn: ['db'] })
    const { root, clock } = await grow([db.spec, api.spec], {
      strategy,
      policies: { default: { ...calm, degraded: { grace: 1_000_000, soft: 0 } } },
    })
    db.lives[0]?.self.degrade('slow')
    await clock.settle()
    expect(root.ref('db').state).toBe('DEGRADED')
    api.lives[0]?.self.fail('lost')
    await clock.advance(100)
    expect(root.ref('api').state).toBe('READY')
    expect(numbers(db, api)).toEqual([1, 2])
    await root.close()
  })

  it('waits for a requirement that has no order, too, until its backoff has passed', async () => {
    const a = kid('a')
    const b = kid('b', {}, { requires: ['a'] })
    const { root, clock } = await grow([a.spec, b.spec], { strategy })
    a.lives[0]?.self.fail('lost')
    await clock.advance(99)
    expect(numbers(a, b)).toEqual([1, 1])
    await clock.advance(1)
    expect(numbers(a, b)).toEqual([2, 2])
    await root.close()
  })

  it('takes one with it that is just starting again', async () => {
    const db = kid('db')
    const api = kid('api', {}, { dependsOn: ['db'] })
    const { root, clock } = await grow([db.spec, api.spec], { strategy })
    api.script.initialize = 'wait'
    api.lives[0]?.self.fail('lost')
    await clock.advance(100)
    expect(root.ref('api').state).toBe('INITIALIZING')
    api.script.initialize = 'at once'
    db.lives[0]?.self.fail('lost')
    await clock.settle()
    api.lives[1]?.initialized.resolve()
    await clock.advance(1_000)
    expect(numbers(db, api)).toEqual([2, 3])
    expect(root.ref('api').state).toBe('READY')
    await root.close()
  })

  it('keeps those that need a child down while its circuit is open, and brings them back with it', async () => {
    const db = kid('db', {}, { policy: { intensity: { restarts: 0, within: 60_000 }, circuit: 5_000 } })
    const api = kid('api', {}, { dependsOn: ['db'] })
    const loose = kid('loose', {}, { requires: ['db'] })
    const { root, clock } = await grow([db.spec, api.spec, loose.spec], { strategy })
    db.lives[0]?.self.fail('lost')
    await clock.advance(4_999)
    expect(numbers(db, api, loose)).toEqual([1, 1, 1])
    expect([root.ref('api').state, root.ref('loose').state]).toEqual(['CLOSED', 'CLOSED'])
    await clock.advance(1)
    expect(numbers(db, api, loose)).toEqual([2, 2, 2])
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('tells each of them once that it has stopped when the supervisor gives up', async () => {
    const db = kid('db')
    const api = kid('api', {}, { dependsOn: ['db'] })
    const worker = kid('worker', {}, { dependsOn: ['db'] })
    const { root, clock, events } = await grow([db.spec, api.spec, worker.spec], {
      strategy,
      policies: { default: { ...calm, intensity: { restarts: 0, within: 1_000 } } },
    })
    db.lives[0]?.self.fail('lost')
    await clock.settle()
    expect(await root.closed).toMatchObject({ reason: 'failed' })
    const stopped = events.filter(({ type }) => type === 'stopped')
    expect(stopped.map(({ name, reason }) => [name, reason])).toEqual([
      ['worker', 'supervisor "root" gave up'],
      ['api', 'supervisor "root" gave up'],
    ])
    expect(numbers(db, api, worker)).toEqual([1, 1, 1])
  })
})
