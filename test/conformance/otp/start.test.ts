import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../src/concurrency/virtual-clock.ts'
import { supervise } from '../../../src/supervision/supervise.ts'
import { counts, incarnations, never, otp, sub, worker } from './world.ts'

const refused = (promise: Promise<unknown>) => promise.catch((error: unknown) => error)

describe('sup_start', () => {
  it('sup_start_normal — a supervisor without children starts, and ends when it is told to', async () => {
    const { root, clock } = await otp('one_for_one', 2, 3600)
    expect(root.state).toBe('READY')
    await root.close()
    expect(await root.closed).toEqual({ reason: 'closed', error: undefined })
    expect(clock.pending).toBe(0)
  })

  it('sup_start_error_return — what is no list of specs fails the start, and says why', async () => {
    expect(await refused(supervise({ children: 'rubbish' as never }))).toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
    })
  })

  it('sup_start_fail — what a start throws is the cause of the error that the supervisor fails with', async () => {
    const cause = new Error('am_fail')
    const faulty = worker('faulty', {
      start: () => {
        throw cause
      },
    })
    const error = await refused(supervise({ clock: new VirtualClock(), children: [faulty.spec] }))
    expect(error).toMatchObject({ code: 'EXO_RESOURCE_FAILED', cause: { cause } })
  })

  it('sup_start_child_returns_error — a later child that cannot start gives its error, and nothing of it is kept', async () => {
    const { root } = await otp('one_for_one', 1, 5)
    const child = worker('child', { start: () => Promise.reject(new Error('reason')) })
    expect(await refused(root.start(child.typed))).toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      message: expect.stringContaining('reason'),
    })
    expect(await refused(root.start({ id: 'rubbish' } as never))).toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
    })
    expect(root.children()).toEqual([])
    expect(child.lives).toHaveLength(1)
    await root.close()
  })
})

describe('sup_start of a child that is started again', () => {
  // OTP gives the error of restart_child back and leaves the child without a process. Here its policy tries again, as after any failure.
  it('sup_start_restart_child_returns_error — a restart by hand that fails is tried again by the policy, and its caller waits for the outcome', async () => {
    const child = worker('child1', {
      start: life => (life === 2 || life >= 4 ? Promise.reject(new Error('reason')) : undefined),
    })
    const { root, clock } = await otp('one_for_one', 2, 3600, [child])
    await root.restart('child1')
    expect([incarnations(root), child.lives.length]).toEqual([{ child1: 3 }, 3])
    const restarting = refused(root.restart('child1'))
    await clock.advance(0)
    // One unit was spent by the first command's second attempt, one is left for the second command's.
    expect(await restarting).toMatchObject({
      code: 'EXO_INTENSITY_EXCEEDED',
      message: expect.stringContaining('reason'),
    })
    expect(child.lives).toHaveLength(5)
    expect(await root.closed).toMatchObject({ reason: 'failed' })

    const once = worker('child1', {
      start: life => (life > 1 ? Promise.reject(new Error('reason')) : undefined),
    })
    const patient = await otp('one_for_one', 2, 3600, [{ ...once.spec, policy: { decide: { '*': 'stop' } } }])
    expect(await refused(patient.root.restart('child1'))).toMatchObject({
      message: expect.stringContaining('reason'),
    })
    expect(incarnations(patient.root)).toEqual({ child1: 'CLOSED' })
    await patient.root.close()
  })

  it('extra_return — what a start gives beside the ref is its client: of a child started later, restarted by hand, or by itself', async () => {
    const child = worker('child1')
    const { root, terminate } = await otp('one_for_one', 2, 3600, [child])
    const ref = root.ref(child.typed.resource, 'child1')
    expect(ref.client).toBe(child.lives[0])
    await terminate('child1')
    expect([ref.client, ref.incarnation]).toEqual([child.lives[1], 2])
    await root.stop('child1')
    expect(ref.client).toBeUndefined()
    await root.restart('child1')
    expect(await ref.ready()).toBe(child.lives[2])
    await root.remove('child1')
    const again = await root.start(child.typed)
    expect(await again.ready()).toBe(child.lives[3])
    await root.close()
  })
})

describe('sup_start_map', () => {
  it('sup_start_map — by default a child is permanent and has 5 s to stop, a supervisor has all the time', async () => {
    const [worker1, nested] = [worker('child1', { stop: never }), worker('nested', { stop: never })]
    const { root, clock, terminate } = await otp(
      'one_for_one',
      2,
      3600,
      [worker1, sub('sup', [{ ...nested.spec, policy: { shutdown: 60_000 } }])],
      { policies: {} },
    )
    expect(root.children()).toMatchObject([{ restart: 'permanent' }, { restart: 'permanent' }])
    expect(() => root.ref('child4')).toThrow(expect.objectContaining({ code: 'EXO_CHILD_UNKNOWN' }))
    await terminate('child1')
    await clock.advance(4_999)
    expect(root.ref('child1').state).toBe('CLOSING')
    await clock.advance(1)
    expect(root.ref('child1').state).toBe('CLOSED')
    const closing = root.close()
    await clock.advance(59_999)
    expect(root.ref('sup').state).toBe('CLOSING')
    await clock.advance(1)
    expect(root.ref('sup').state).toBe('CLOSED')
    await clock.advance(5_000)
    await closing
  })

  it('sup_start_map_faulty_specs — a spec without id, without resource, or that is none is refused; unknown keys are not', async () => {
    const good = worker('good').spec
    const { id: _, ...withoutId } = good
    const { resource: __, ...withoutResource } = good
    for (const [spec, path] of [
      [withoutId, 'children[0].id'],
      [withoutResource, 'children[0].resource'],
      ['child4', 'children[0]'],
    ]) {
      expect(await refused(supervise({ children: [spec] as never })), String(path)).toMatchObject({
        code: 'EXO_CHILD_SPEC_INVALID',
        details: { faults: [{ path }] },
      })
    }
    const { root } = await otp('one_for_one', 1, 5, [{ ...good, silly: true } as never])
    expect(counts(root)).toEqual([1, 1])
    await root.close()
  })
})

describe('start errors', () => {
  it('faulty_application_shutdown — the root cause of a start deep in the tree reaches the top unaltered', async () => {
    const cause = new TypeError('undefined function')
    const deep = worker('deep', { start: () => Promise.reject(cause) })
    const tree = sub('a', [sub('b', [deep.spec]) as never])
    let error = await refused(supervise({ clock: new VirtualClock(), children: [tree as never] }))
    while (error instanceof Error && error.cause) error = error.cause
    expect(error).toBe(cause)
    expect((error as Error).stack).toBe(cause.stack)
  })
})
