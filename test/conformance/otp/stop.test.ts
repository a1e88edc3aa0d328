import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/concurrency/deferred.ts'
import { never, otp, sub, type Worker, worker } from './world.ts'

const kill = { policy: { shutdown: 'kill' } } as const
const left = (all: readonly Worker[]) => all.map(({ lives }) => lives[0]?.left)
const ten = (make: (id: string) => Worker) => Array.from({ length: 10 }, (_, index) => make(`child${index}`))

describe('sup_stop', () => {
  it('sup_stop_infinity — a worker and a supervisor may have all the time; both stop in the ordinary way', async () => {
    const cleaned = deferred<void>()
    const slow = worker('child2', { stop: () => cleaned.promise }, { policy: { shutdown: 'infinity' } })
    const inner = worker('inner')
    const { root, clock } = await otp('one_for_one', 2, 3600, [sub('child1', [inner.spec]) as never, slow])
    const closing = root.close()
    await clock.advance(1e9)
    expect(root.ref('child2').state).toBe('CLOSING')
    cleaned.resolve()
    await closing
    expect(left([slow, inner])).toEqual(['done', 'done'])
  })

  it('sup_stop_timeout — a prompt child stops by itself, a sleeping one is left behind after its time', async () => {
    const all = [worker('child1'), worker('child2', { stop: never })]
    const { root, clock, events } = await otp('one_for_one', 2, 3600, all)
    const closing = root.close()
    await clock.advance(1_000)
    await closing
    expect(left(all)).toEqual(['done', 'killed'])
    expect(events.filter(({ type }) => type === 'shutdown_error').map(({ name }) => name)).toEqual(['child2'])
  })

  it('sup_stop_timeout_dynamic — so it is for children that were started later', async () => {
    const all = ten(id => worker(id, id === 'child3' ? { stop: never } : {}))
    const { root, clock } = await otp('one_for_one', 2, 3600)
    for (const { typed } of all) await root.start(typed)
    const closing = root.close()
    await clock.advance(1_000)
    await closing
    expect(left(all)).toEqual(all.map(({ id }) => (id === 'child3' ? 'killed' : 'done')))
  })

  it('sup_stop_brutal_kill — a child that is to be killed is told so at once, the other stops in the ordinary way', async () => {
    const all = [worker('child1'), worker('child2', {}, kill)]
    const { root } = await otp('one_for_one', 2, 3600, all)
    await root.close()
    expect(all.map(({ lives }) => lives[0]?.stopped?.atOnce)).toEqual([false, true])
    expect(left(all)).toEqual(['done', 'killed'])
  })

  it('sup_stop_brutal_kill_dynamic — ten children that were started later are all killed', async () => {
    const all = ten(id => worker(id, {}, kill))
    const { root } = await otp('one_for_one', 2, 3600)
    for (const { typed } of all) await root.start(typed)
    await root.close()
    expect(left(all)).toEqual(all.map(() => 'killed'))
  })

  it('sup_stop_race — children that end by themselves while the supervisor stops: it completes, and none is restarted', async () => {
    for (const restart of ['permanent', 'transient', 'temporary'] as const) {
      for (const how of ['normal', 'shutdown', 'abnormal'] as const) {
        const others = ['child1', 'child2'].map(id => worker(id, {}, { restart }))
        const slow = worker('child3', { stop: never })
        const { root, clock, terminate } = await otp('one_for_one', 2, 3600, [...others, slow])
        const closing = root.close()
        await clock.advance(500)
        await terminate('child2', how)
        await terminate('child1', how)
        await clock.advance(500)
        await closing
        expect(others.map(({ lives }) => lives.length)).toEqual([1, 1])
        expect(left(others)).toEqual(['done', 'done'])
        if (how === 'abnormal') expect(root.ref('child1').lastError?.message).toContain('abnormal')
        expect(clock.pending).toBe(0)
      }
    }
  })

  it('sup_stop_non_shutdown_exit_dynamic — children whose cleanup fails do not keep the supervisor from stopping', async () => {
    const all = ten(id => worker(id, { stop: () => Promise.reject(new Error(`reason of ${id}`)) }))
    const { root, events } = await otp('one_for_one', 2, 3600)
    for (const { typed } of all) await root.start(typed)
    await root.close()
    const told = events.filter(({ type }) => type === 'shutdown_error')
    expect(told.map(({ name }) => name)).toEqual(all.map(({ id }) => id).reverse())
    expect(told[0]?.error?.message).toContain('reason of child9')
  })
})
