import { describe, expect, it } from 'vitest'
import type { Policy } from '../../../src/supervision/policy.ts'
import { Exc1, gaveUp, incarnations, limit, world } from './world.ts'

const MONTH = 30 * 24 * 3_600_000

/** A child under a policy, one_for_one. */
async function employee(policy: object) {
  const stage = world()
  const child = stage.actor('employee', {}, { policy })
  const root = await stage.grow([child])
  const ref = root.ref(child.definition, 'employee')
  const crash = () => stage.crash(root, child)
  return { ...stage, child, root, ref, crash }
}

describe('a classic limit', () => {
  it('S24 that is none restarts for as long as it takes', async () => {
    const { root, ref, crash } = await employee({})
    for (let crashes = 0; crashes < 50; crashes += 1) await crash()
    expect(await ref.ask('ping 1')).toBe('pong 1')
    expect(ref.incarnation).toBe(51)
    await root.close()
  })

  it('S25 below zero is refused, where Pekko takes it for one', async () => {
    const { actor, grow } = world()
    const root = await grow()
    await expect(root.start(actor('a', {}, { policy: limit(-1, 10_000) }).typed)).rejects.toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
      message: expect.stringContaining('intensity.restarts: is -1'),
    })
    await root.close()
  })

  it('S26 within all time is one endless window; an infinite number is refused, the largest one is not', async () => {
    const { actor, grow } = world()
    const nobody = await grow()
    const infinite = limit(3, Number.POSITIVE_INFINITY)
    await expect(nobody.start(actor('a', {}, { policy: infinite }).typed)).rejects.toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
    })
    const { root, clock, crash } = await employee(limit(3, Number.MAX_VALUE))
    for (let crashes = 0; crashes < 3; crashes += 1) {
      await crash()
      await clock.advance(100 * 12 * MONTH)
    }
    expect(incarnations(root)).toEqual({ employee: 4 })
    await crash()
    expect(await root.closed).toMatchObject(gaveUp)
    await nobody.close()
  })

  for (const [id, strategy] of [
    ['S27', 'one_for_one'],
    ['S28', 'one_for_all'],
  ] as const) {
    it(`${id} within more milliseconds than 31 bits hold counts to its end (${strategy})`, async () => {
      const { actor, grow, crash, clock } = world()
      const [a, b] = [actor('a', {}, { policy: limit(2, MONTH) }), actor('b')]
      const root = await grow([a, b], { strategy })
      await crash(root, a)
      await clock.advance(MONTH - 1)
      await crash(root, a)
      await clock.advance(2)
      // The first one has just left the window: two more may come, of which the second comes too early.
      await crash(root, a)
      expect(a.lives).toHaveLength(4)
      await clock.advance(MONTH - 2)
      await crash(root, a)
      expect(await root.closed).toMatchObject(gaveUp)
    })
  }
})

describe('a restart strategy', () => {
  it('R1 leaves a child that crashed three times within the window ended, messages refused', async () => {
    const { root, ref, crash } = await employee(limit(2, 1_000))
    for (let crashes = 0; crashes < 2; crashes += 1) {
      await crash()
      expect(await ref.ask('ping 1')).toBe('pong 1')
    }
    await crash()
    await root.closed
    expect([ref.state, ref.tell('ping 1')]).toEqual(['CLOSED', false])
    await expect(ref.ask('ping 1')).rejects.toMatchObject({ code: 'EXO_INTENSITY_EXCEEDED' })
  })

  it('R2 without a limit survives a hundred crashes that wait in the mailbox one after the other', async () => {
    const { root, ref, clock, told } = await employee({})
    for (let crashes = 0; crashes < 100; crashes += 1) ref.tell({ fail: new Exc1() })
    ref.tell('ping 1')
    await clock.advance(0)
    expect([ref.state, ref.incarnation, told().at(-1)]).toEqual(['READY', 101, 'employee pong 1'])
    await root.close()
  })

  it('R3 restarts again after crashes that lie outside of the window', async () => {
    const { root, ref, clock, crash } = await employee(limit(2, 500))
    await crash()
    await crash()
    await clock.advance(700)
    await crash()
    expect([await ref.ask('ping 1'), ref.incarnation]).toEqual(['pong 1', 4])
    await root.close()
  })

  it('R4 forgets nothing in between when its window is long', async () => {
    const { root, clock, crash } = await employee(limit(2, 24 * 3_600_000))
    for (let crashes = 0; crashes < 2; crashes += 1) {
      await crash()
      await clock.advance(8 * 3_600_000)
    }
    expect(incarnations(root)).toEqual({ employee: 3 })
    await crash()
    expect(await root.closed).toMatchObject(gaveUp)
  })

  it('R5 with a window of which only the length is named counts five restarts in it, the number that holds when nobody names one', async () => {
    const { actor, grow, crash } = world()
    const policy = { backoff: { initial: 0, max: 0 }, intensity: { within: 1_000 } }
    const child = actor('a', {}, { policy: policy as Partial<Policy> })
    const root = await grow([child], { policies: {} })
    for (let crashes = 0; crashes < 5; crashes += 1) await crash(root, child)
    expect(incarnations(root)).toEqual({ a: 6 })
    await crash(root, child)
    expect(await root.closed).toMatchObject(gaveUp)
  })
})
