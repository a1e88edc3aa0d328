import { describe, expect, it } from 'vitest'
import { calm, grow, kid } from './tree.ts'

const strategy = 'dependency_closure'
const numbers = (...kids: readonly ReturnType<typeof kid>[]) => kids.map(({ lives }) => lives.length)

describe('dependency_closure, when somebody gives a command', () => {
  it('forgets a failure that waits for a first start when the child is stopped meanwhile', async () => {
    const db = kid('db')
    const api = kid('api', { initialize: 'wait' }, { dependsOn: ['db'] })
    const { root, clock } = await grow([db.spec], { strategy })
    const refused = expect(root.start(api.typed)).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await clock.settle()
    db.lives[0]?.self.fail('lost')
    await clock.settle()
    const stopped = root.stop('db')
    await clock.settle()
    api.lives[0]?.initialized.resolve()
    await Promise.all([stopped, refused])
    await clock.advance(10_000)
    expect([root.ref('db').state, ...numbers(db)]).toEqual(['CLOSED', 1])
    await root.close()
  })

  it('deals with the other failures that wait for a first start when one of the failed is restarted', async () => {
    const [cache, db] = [kid('cache'), kid('db')]
    const api = kid('api', { initialize: 'wait' }, { dependsOn: ['cache', 'db'] })
    const { root, clock } = await grow([cache.spec, db.spec], { strategy })
    const refused = expect(root.start(api.typed)).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await clock.settle()
    cache.lives[0]?.self.fail('lost')
    db.lives[0]?.self.fail('lost')
    await clock.settle()
    const restarted = root.restart('cache')
    await clock.settle()
    api.script.initialize = 'at once'
    api.lives[0]?.initialized.resolve()
    await Promise.all([restarted, refused])
    await clock.advance(100)
    expect([root.ref('cache').state, root.ref('db').state]).toEqual(['READY', 'READY'])
    expect(numbers(cache, db)).toEqual([2, 2])
    await root.close()
  })

  it('starts a stopped child once when it is told to start again', async () => {
    const db = kid('db')
    const api = kid('api', {}, { dependsOn: ['db'] })
    const { root, clock } = await grow([db.spec, api.spec], { strategy })
    await root.stop('db')
    await root.restart('db')
    await clock.advance(10_000)
    expect([root.ref('db').incarnation, ...numbers(db)]).toEqual([2, 2])
    await root.close()
  })

  it('starts nobody who needs a stopped child before that, although an order between them is not asked for', async () => {
    const db = kid('db')
    const quick = kid('quick', {}, { requires: ['db'] })
    const slow = kid('slow', {}, { requires: ['db'], shutdown: 'infinity' })
    const { root, clock } = await grow([db.spec, slow.spec, quick.spec], { strategy })
    await root.stop('db')
    await Promise.all([root.restart('quick'), root.restart('slow')])
    expect(numbers(db, quick, slow)).toEqual([1, 2, 2])
    slow.script.cleanup = 'wait'
    const restarted = root.restart('db')
    await clock.settle()
    expect([root.ref('quick').state, ...numbers(db, quick)]).toEqual(['CLOSED', 1, 2])
    slow.script.cleanup = 'at once'
    slow.lives[1]?.cleaned.resolve()
    await restarted
    await clock.settle()
    expect(numbers(db, quick, slow)).toEqual([2, 3, 3])
    await root.close()
  })

  it('lets one stay down that is being stopped when what it needs fails', async () => {
    const db = kid('db')
    const api = kid('api', { cleanup: 'wait' }, { dependsOn: ['db'], shutdown: 'infinity' })
    const { root, clock } = await grow([db.spec, api.spec], { strategy })
    const stopped = root.stop('api')
    await clock.settle()
    db.lives[0]?.self.fail('lost')
    await clock.settle()
    api.lives[0]?.cleaned.resolve()
    await stopped
    await clock.advance(10_000)
    expect(numbers(db, api)).toEqual([2, 1])
    await root.close()
  })

  it('refuses the id of a child that waits for its first start', async () => {
    const db = kid('db')
    const api = kid('api', {}, { dependsOn: ['db'] })
    const { root, clock } = await grow([db.spec], { strategy })
    db.lives[0]?.self.fail('lost')
    await clock.settle()
    const started = root.start(api.typed)
    await clock.settle()
    await expect(root.start(kid('api').typed)).rejects.toMatchObject({ code: 'EXO_CHILD_SPEC_INVALID' })
    await clock.advance(100)
    expect([(await started).state, ...numbers(api)]).toEqual(['READY', 1])
    await root.close()
  })

  it('starts none that was stopped while it waited for its first start', async () => {
    const db = kid('db')
    const api = kid('api', {}, { dependsOn: ['db'] })
    const { root, clock } = await grow([db.spec], { strategy })
    db.lives[0]?.self.fail('lost')
    await clock.settle()
    const refused = expect(root.start(api.typed)).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await clock.settle()
    await Promise.all([root.stop('api'), refused])
    await clock.advance(10_000)
    expect(numbers(db, api)).toEqual([2, 0])
    await root.close()
  })

  it('refuses a first start when what it waits for is not restarted any more', async () => {
    const db = kid('db', {}, { restart: 'transient' })
    const api = kid('api', {}, { dependsOn: ['db'] })
    const { root, clock } = await grow([db.spec], { strategy })
    db.script.initialize = 'wait'
    db.lives[0]?.self.fail('lost')
    await clock.advance(100)
    const refused = expect(root.start(api.typed)).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await clock.settle()
    db.lives[1]?.self.end('nothing to do')
    db.lives[1]?.initialized.resolve()
    await refused
    expect(root.children().map(({ id }) => id)).toEqual(['db'])
    expect(numbers(db, api)).toEqual([2, 0])
    await root.close()
  })

  it('gives way to another strategy as soon as a restart is over', async () => {
    const db = kid('db')
    const api = kid('api', {}, { dependsOn: ['db'] })
    const { root, clock } = await grow([db.spec, api.spec], { strategy })
    db.lives[0]?.self.fail('lost')
    await clock.advance(100)
    expect(numbers(db, api)).toEqual([2, 2])
    const { resource } = api.spec
    root.reload({ strategy: 'one_for_all', children: [{ id: 'api', resource, input: {}, dependsOn: [] }] })
    root.ref('api').fail('lost again')
    await clock.advance(1_000)
    expect(numbers(db, api)).toEqual([3, 3])
    await root.close()
  })
})

describe('dependency_closure, when more than one is down', () => {
  const slow = { policy: { ...calm, backoff: { ...calm.backoff, initial: 1_000 } } }

  it('starts nobody before its own backoff has passed, also when what it needs is restarted meanwhile', async () => {
    const db = kid('db')
    const api = kid('api', {}, { dependsOn: ['db'], ...slow })
    const { root, clock } = await grow([db.spec, api.spec], { strategy })
    api.lives[0]?.self.fail('lost')
    await clock.settle()
    db.lives[0]?.self.fail('lost')
    await clock.advance(999)
    expect(numbers(db, api)).toEqual([2, 1])
    await clock.advance(1)
    expect(numbers(db, api)).toEqual([2, 2])
    await root.close()
  })

  it('lets one that comes after a child wait while that is kept down by its circuit', async () => {
    const db = kid('db', {}, { policy: { intensity: { restarts: 0, within: 60_000 }, circuit: 5_000 } })
    const api = kid('api', {}, { after: ['db'] })
    const { root, clock } = await grow([db.spec, api.spec], { strategy })
    db.lives[0]?.self.fail('lost')
    await clock.settle()
    api.lives[0]?.self.fail('lost')
    await clock.advance(4_999)
    expect(numbers(db, api)).toEqual([1, 1])
    await clock.advance(1)
    expect(numbers(db, api)).toEqual([2, 2])
    await root.close()
  })

  it('waits for nobody who has done its work and is not known any more', async () => {
    const job = kid('job', {}, { restart: 'temporary' })
    const api = kid('api', {}, { dependsOn: ['job'] })
    const { root, clock } = await grow([job.spec, api.spec], { strategy })
    job.lives[0]?.self.end('done')
    await clock.settle()
    expect(root.children().map(({ id }) => id)).toEqual(['api'])
    api.lives[0]?.self.fail('lost')
    await clock.advance(100)
    expect([root.ref('api').state, ...numbers(api)]).toEqual(['READY', 2])
    await root.close()
  })

  it('stops them one after the other, in reverse, when the supervisor gives up', async () => {
    const db = kid('db', {}, { policy: { intensity: { restarts: 0 } } })
    const api = kid('api', {}, { dependsOn: ['db'] })
    const page = kid('page', { cleanup: 'wait' }, { dependsOn: ['api'], shutdown: 'infinity' })
    const { root, clock } = await grow([db.spec, api.spec, page.spec], { strategy })
    const ref = root.ref('api')
    db.lives[0]?.self.fail('lost')
    await clock.settle()
    expect([page.lives[0]?.cleanups.length, api.lives[0]?.cleanups.length, ref.state]).toEqual([
      1,
      0,
      'READY',
    ])
    page.lives[0]?.cleaned.resolve()
    expect(await root.closed).toMatchObject({ reason: 'failed' })
    expect(api.lives[0]?.cleanups).toHaveLength(1)
  })

  it('tells why it stops those that need one that has failed for good', async () => {
    const db = kid('db', {}, { restart: 'temporary' })
    const api = kid('api', {}, { dependsOn: ['db'] })
    const { root, clock, events } = await grow([db.spec, api.spec], { strategy })
    db.lives[0]?.self.fail('lost')
    await clock.settle()
    expect(events.find(({ type, name }) => type === 'stopped' && name === 'api')?.reason).toBe(
      'what it needs has failed and is not restarted',
    )
    await root.close()
  })
})

describe('a child whose end for good ends its supervisor', () => {
  it('leaves the order of the stops to the supervisor, and has nobody stopped before', async () => {
    const order: string[] = []
    const base = kid('base', {}, { restart: 'temporary', significant: true })
    const middle = kid('middle', {}, { dependsOn: ['base'] })
    const last = kid('last', {}, { after: ['middle'] })
    const { clock, root } = await grow([base.spec, middle.spec, last.spec], {
      strategy: 'dependency_closure',
      autoShutdown: 'any_significant',
    })
    root.onEvent(({ type, name }) => type === 'child_terminated' && order.push(name))
    root.ref('base').fail(new Error('broken'))
    await clock.advance(1_000)
    await root.closed
    expect(order).toEqual(['base', 'last', 'middle'])
  })
})
