import { describe, expect, it } from 'vitest'
import { type Deferred, deferred } from '../../../src/concurrency/deferred.ts'
import { incarnations, otp, worker } from './world.ts'

const gaveUp = { reason: 'failed', error: { code: 'EXO_INTENSITY_EXCEEDED' } }
const pair = () => [worker('child1'), worker('child2')] as const
const ended = (...all: ReturnType<typeof worker>[]) =>
  all.map(({ lives }) => lives.every(life => life.left === 'done'))

/** Starts once, and never again. */
const startsOnce = (id: string) =>
  worker(id, { start: life => (life === 1 ? undefined : Promise.reject(new Error('error'))) })

/** A child whose starts wait for the test. */
function permitted(id: string) {
  const permits: Deferred<void>[] = []
  const child = worker(id, {
    start: () => {
      const permit = deferred<void>()
      permits.push(permit)
      return permit.promise
    },
  })
  return { ...child, permits }
}

describe('strategies', () => {
  it('multiple_restarts — crashes slower than the limit never end the supervisor', async () => {
    const child1 = worker('child1')
    const { root, clock, terminate } = await otp('one_for_one', 1, 1, [child1])
    for (let crash = 0; crash < 20; crash += 1) {
      await terminate('child1')
      await clock.advance(1_001)
    }
    expect(incarnations(root)).toEqual({ child1: 21 })
    await terminate('child1')
    await terminate('child1')
    expect(await root.closed).toMatchObject(gaveUp)
  })

  it('one_for_one — only the failed child is new; the third crash at intensity 2 ends the supervisor', async () => {
    const [child1, child2] = pair()
    const { root, terminate } = await otp('one_for_one', 2, 3600, [child1, child2])
    await terminate('child1')
    expect(incarnations(root)).toEqual({ child1: 2, child2: 1 })
    await terminate('child2')
    await terminate('child1')
    expect(await root.closed).toMatchObject(gaveUp)
    expect(ended(child1, child2)).toEqual([true, true])
  })

  it('one_for_one_escalation — each attempt of a restart that keeps failing spends a unit, until all ends', async () => {
    const [child1, child2] = [startsOnce('child1'), worker('child2')]
    const { root, terminate } = await otp('one_for_one', 4, 3600, [child1, child2])
    await terminate('child1')
    expect(await root.closed).toMatchObject(gaveUp)
    expect([child1.lives.length, child2.lives.length]).toEqual([1 + 4, 1])
    expect(ended(child1, child2)).toEqual([true, true])
  })

  it('one_for_all — the sibling ends too and both are new; then the limit', async () => {
    const [child1, child2] = pair()
    const { root, terminate } = await otp('one_for_all', 2, 3600, [child1, child2])
    await terminate('child1')
    expect(incarnations(root)).toEqual({ child1: 2, child2: 2 })
    await terminate('child2')
    expect(incarnations(root)).toEqual({ child1: 3, child2: 3 })
    await terminate('child1')
    expect(await root.closed).toMatchObject(gaveUp)
    expect(ended(child1, child2)).toEqual([true, true])
  })

  it('one_for_all_escalation — a sibling that cannot start again spends the intensity, until all ends', async () => {
    const [child1, child2] = [worker('child1'), startsOnce('child2')]
    const { root, terminate } = await otp('one_for_all', 4, 3600, [child1, child2])
    await terminate('child1')
    expect(await root.closed).toMatchObject(gaveUp)
    expect([child1.lives.length, child2.lives.length]).toEqual([1 + 4, 1 + 4])
    expect(ended(child1, child2)).toEqual([true, true])
  })

  it('one_for_all_other_child_fails_restart — 1 is restarted, 2 fails: 1 is stopped again, and both start afresh', async () => {
    const { root, clock, child1, child2 } = await otherFails('one_for_all')
    expect(child1.lives.map(({ left }) => left)).toEqual(['done', 'done', undefined])
    expect(child2.lives).toHaveLength(2)
    child1.permits[2]?.resolve()
    await clock.settle()
    child2.permits[2]?.resolve()
    await clock.settle()
    expect(incarnations(root)).toEqual({ child1: 3, child2: 3 })
    await root.close()
  })

  it('rest_for_one — the earlier child is untouched, the failed one and the later ones are new; then the limit', async () => {
    const all = [...pair(), worker('child3')] as const
    const { root, terminate } = await otp('rest_for_one', 2, 3600, all)
    await terminate('child2')
    expect(incarnations(root)).toEqual({ child1: 1, child2: 2, child3: 2 })
    await terminate('child3')
    expect(incarnations(root)).toEqual({ child1: 1, child2: 2, child3: 3 })
    await terminate('child2')
    expect(await root.closed).toMatchObject(gaveUp)
    expect(ended(...all)).toEqual([true, true, true])
  })

  it('rest_for_one_escalation — a later child that cannot start again spends the intensity, until all ends', async () => {
    const [child1, child2] = [worker('child1'), startsOnce('child2')]
    const { root, terminate } = await otp('rest_for_one', 4, 3600, [child1, child2])
    await terminate('child1')
    expect(await root.closed).toMatchObject(gaveUp)
    expect([child1.lives.length, child2.lives.length]).toEqual([1 + 1, 1 + 4])
    expect(ended(child1, child2)).toEqual([true, true])
  })

  it('rest_for_one_other_child_fails_restart — 1 is restarted, 2 fails: 1 is kept, and only 2 is tried again', async () => {
    const { root, clock, child1, child2 } = await otherFails('rest_for_one')
    expect(child1.lives.map(({ left }) => left)).toEqual(['done', undefined])
    expect(child2.lives).toHaveLength(3)
    child2.permits[2]?.resolve()
    await clock.settle()
    expect(incarnations(root)).toEqual({ child1: 2, child2: 3 })
    await root.close()
  })
})

/** Child 1 has failed and is READY again; child 2 could not start; what follows has begun. */
async function otherFails(strategy: 'one_for_all' | 'rest_for_one') {
  const [child1, child2] = [permitted('child1'), permitted('child2')]
  const { root, clock, terminate } = await otp(strategy, 3, 3600)
  for (const child of [child1, child2]) {
    const starting = root.start(child.typed)
    await clock.settle()
    child.permits[0]?.resolve()
    await starting
  }
  await terminate('child1')
  expect([child1.lives.length, child2.lives.length]).toEqual([2, 1])
  child1.permits[1]?.resolve()
  await clock.settle()
  child2.permits[1]?.reject(new Error('normal'))
  await clock.advance(0)
  return { root, clock, child1, child2 }
}
