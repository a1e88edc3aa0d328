import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/concurrency/deferred.ts'
import { code, counts, deadlock, incarnations, never, simple, type Worker, worker } from './world.ts'

const gaveUp = { reason: 'failed', error: { code: 'EXO_INTENSITY_EXCEEDED' } }

/** The ids of the lives that a definition has had, and what became of each. */
const fates = ({ lives }: Worker) => lives.map(({ self, left }) => `${self.name}#${self.incarnation} ${left}`)

describe('sup_start under simple_one_for_one', () => {
  it('sup_start_child_returns_error_simple — a child that cannot start gives its error, and the list stays empty', async () => {
    const child = worker('child', { start: () => Promise.reject(new Error('reason')) })
    const { root, spawn, clock } = await simple(1, 3600, child)
    await expect(spawn('a')).rejects.toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      message: expect.stringContaining('reason'),
    })
    expect(await code(spawn(''))).toBe('EXO_CHILD_SPEC_INVALID')
    expect(await code(root.spawn(worker('other').typed.resource, {}))).toBe('EXO_STRATEGY_MISMATCH')
    expect([root.children(), root.count().specs, child.lives.length]).toEqual([[], 0, 1])
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('sup_start_map_simple — the spec of a child can be read by its id; another id is not known', async () => {
    const { root, spawn } = await simple(1, 3600, worker('child'), { options: { policies: {} } })
    await spawn('a')
    const filled = { kind: 'worker', restart: 'permanent', shutdown: 5_000, significant: false }
    expect(root.spec('a')).toMatchObject({ id: 'a', ...filled })
    expect(() => root.spec('b')).toThrow(expect.objectContaining({ code: 'EXO_CHILD_UNKNOWN' }))
    await root.close()
  })
})

describe('administration under simple_one_for_one', () => {
  it('child_adm_simple — a child is stopped by its id, and is forgotten then; there is no start, no restart, and nothing of strangers', async () => {
    const child = worker('child')
    const { root, spawn } = await simple(2, 3600, child)
    expect(counts(root)).toEqual([0, 0])
    const first = await spawn('a')
    const unnamed = await root.spawn(child.typed.resource, {})
    expect([root.count().active, unnamed.name]).toEqual([2, 'worker-1'])
    expect(await code(spawn('a'))).toBe('EXO_CHILD_SPEC_INVALID')
    expect(await code(root.start(child.typed))).toBe('EXO_STRATEGY_MISMATCH')
    expect(await code(root.restart('a'))).toBe('EXO_STRATEGY_MISMATCH')

    await root.stop('a')
    expect([first.state, incarnations(root)]).toEqual(['CLOSED', { 'worker-1': 1 }])
    // OTP answers ok for a process that is dead; here its id is not known any more.
    expect(await code(root.stop('a'))).toBe('EXO_CHILD_UNKNOWN')
    await root.remove('worker-1')
    expect(root.children()).toEqual([])

    const stranger = await simple(2, 3600, child)
    const alive = await stranger.spawn('b')
    expect(await code(root.stop('b'))).toBe('EXO_CHILD_UNKNOWN')
    expect(alive.state).toBe('READY')
    await stranger.root.close()
    await root.close()
    expect(await code(spawn('c'))).toBe('EXO_RESOURCE_CLOSED')
    expect(await code(root.stop('c'))).toBe('EXO_CHILD_UNKNOWN')
  })
})

describe('simple_one_for_one', () => {
  it('simple_one_for_one — only the failed child is new; the third crash at intensity 2 ends the supervisor', async () => {
    const child = worker('child')
    const { root, spawn, terminate } = await simple(2, 3600, child)
    for (const id of ['a', 'b']) await spawn(id)
    await terminate('a')
    expect(incarnations(root)).toEqual({ a: 2, b: 1 })
    await terminate('b', 'normal')
    expect(incarnations(root)).toEqual({ a: 2, b: 2 })
    await terminate('a')
    expect(await root.closed).toMatchObject(gaveUp)
    expect(child.lives.map(({ left }) => left)).toEqual(['done', 'done', 'done', 'done'])
  })

  it('simple_one_for_one_shutdown — all are stopped at one time, and who does not stop is left behind after its time', async () => {
    const cleaned = deferred<void>()
    const child: Worker = worker('child', {
      stop: life => (life === 2 ? cleaned.promise : life === 3 ? never() : undefined),
    })
    const { root, spawn, clock } = await simple(2, 3600, child)
    for (const id of ['quick', 'slow', 'naughty']) await spawn(id)
    const closing = root.close()
    await clock.advance(700)
    expect(fates(child)).toEqual(['quick#1 done', 'slow#1 undefined', 'naughty#1 undefined'])
    cleaned.resolve()
    await clock.advance(299)
    expect([root.state, clock.pending]).toEqual(['CLOSING', 1])
    await clock.advance(1)
    await closing
    expect(fates(child)).toEqual(['quick#1 done', 'slow#1 done', 'naughty#1 killed'])
    expect(clock.now()).toBe(1_000)
  })

  it('simple_one_for_one_extra — what a start gives beside the ref is its client, and each restart gives a new one', async () => {
    const child = worker('child')
    const { root, spawn, terminate } = await simple(2, 3600, child)
    const ref = await spawn('a')
    expect(await ref.ready()).toBe(child.lives[0])
    await terminate('a')
    expect([ref.client, child.lives.length]).toEqual([child.lives[1], 2])
    await root.close()
  })

  it('simple_one_for_one_escalation — a restart that keeps failing spends the intensity, until the siblings and all ends', async () => {
    const child = worker('child', {
      start: life => (life <= 2 ? undefined : Promise.reject(new Error('error'))),
    })
    const { root, spawn, terminate } = await simple(4, 3600, child)
    for (const id of ['a', 'b']) await spawn(id)
    await terminate('a')
    expect(await root.closed).toMatchObject(gaveUp)
    expect(child.lives).toHaveLength(2 + 4)
    expect(child.lives.map(({ left }) => left)).toEqual(child.lives.map(() => 'done'))
  })

  it('hanging_restart_loop_simple — while a child cannot start the supervisor answers, a stop ends the loop, and closing does not hang', async () => {
    const { world, ...child } = deadlock('child', () => clock)
    const { root, spawn, clock, terminate } = await simple(8, 10, child)
    await spawn('a')
    await spawn('b')
    world.failing = true
    await terminate('a')
    await clock.advance(3_000)
    expect(await code(spawn('a'))).toBe('EXO_CHILD_SPEC_INVALID')
    expect(await code(root.restart('a'))).toBe('EXO_STRATEGY_MISMATCH')
    expect(counts(root)).toEqual([2, 1])
    expect(root.count()).toMatchObject({ specs: 2, restarting: 1 })
    await root.stop('a')
    const tried = child.lives.length
    await clock.advance(100_000)
    expect([child.lives.length, incarnations(root)]).toEqual([tried, { b: 1 }])

    await terminate('b')
    await clock.advance(3_000)
    await root.close()
    expect(await root.closed).toMatchObject({ reason: 'closed' })
  })
})
