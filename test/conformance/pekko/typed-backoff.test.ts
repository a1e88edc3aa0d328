import { describe, expect, it } from 'vitest'
import { supervisorResource } from '../../../src/supervision/supervisor-resource.ts'
import { atOnce, backoff, Exc1, gaveUp, incarnations, type Life, sub, world } from './world.ts'

const failFrom =
  (first: number, last = Number.POSITIVE_INFINITY) =>
  ({ number }: Life) => {
    if (number >= first && number <= last) throw new Exc1(`start ${number}`)
  }

describe('a restart with backoff', () => {
  it('T42 comes after 1 s, then after 2 s, never earlier; the state is fresh each time', async () => {
    const { actor, grow, crash, clock } = world()
    const child = actor('a', {}, { policy: backoff(1_000, 10_000, 10_000), mailbox: 1 })
    const root = await grow([child])
    const ref = root.ref(child.definition, 'a')
    for (const [round, delay] of [1_000, 2_000, 4_000, 8_000, 10_000].entries()) {
      await ref.ask('increment')
      await crash(root, child)
      await clock.advance(delay - 1)
      expect(child.lives).toHaveLength(round + 1)
      await clock.advance(1)
      expect([child.lives.length, await ref.ask('state')]).toEqual([round + 2, 0])
    }
    await root.close()
  })

  it('T43 that keeps failing ends after its limit: each attempt spends one, and the supervisor gives up, as in OTP', async () => {
    const { actor, grow, crash, clock } = world()
    const policy = { ...backoff(200, 10_000, 10_000), intensity: { restarts: 2, within: 20_000 } }
    const child = actor('a', { start: failFrom(2) }, { policy })
    const root = await grow([child])
    await crash(root, child)
    await clock.advance(200 + 400)
    expect(await root.closed).toMatchObject({
      ...gaveUp,
      error: { cause: { message: expect.stringContaining('start 3') } },
    })
    expect([child.lives.length, clock.pending]).toEqual([3, 0])
  })

  it('T44 begins with its first delay again after a healthy time', async () => {
    const { actor, grow, crash, clock } = world()
    const child = actor('a', {}, { policy: backoff(1_000, 10_000, 100) })
    const root = await grow([child])
    await crash(root, child)
    await clock.advance(1_000 + 100)
    await crash(root, child)
    await clock.advance(1_000)
    expect(incarnations(root)).toEqual({ a: 3 })
    // A healthy time that is too short: the delay grows.
    await clock.advance(99)
    await crash(root, child)
    await clock.advance(1_999)
    expect(incarnations(root)).toEqual({ a: 'CLOSED' })
    await clock.advance(1)
    expect(incarnations(root)).toEqual({ a: 4 })
    await root.close()
  })

  it('T45 of a supervisor and one of its child keep apart: the healthy time of one does not reset the other', async () => {
    const { actor, grow, crash, clock } = world()
    const child = actor('a', {}, { policy: backoff(20, 10_000, 900) })
    const root = await grow([sub('tree', [child], { policy: backoff(20, 10_000, 1_100) })])
    const tree = root.ref(supervisorResource, 'tree')
    tree.fail(new Exc1())
    await clock.advance(20)
    await crash(await tree.ready(), child)
    await clock.advance(20 + 1_000)
    // The child was healthy for long enough; the supervisor above it was READY for 1,020 ms, which is not.
    expect([root.children()[0]?.attempt, (await tree.ready()).children()[0]?.attempt]).toEqual([1, 0])
    await clock.advance(80)
    expect(root.children()[0]?.attempt).toBe(0)
    await root.close()
  })

  it('T46 of two siblings keep apart as well, and a reset that is due for an older incarnation resets nothing', async () => {
    const { actor, grow, crash, clock } = world()
    const a = actor('a', {}, { policy: backoff(20, 10_000, 900) })
    const b = actor('b', {}, { policy: backoff(20, 10_000, 1_100) })
    const root = await grow([a, b])
    const attempts = () => root.children().map(({ attempt }) => attempt)
    await crash(root, a)
    await crash(root, b)
    await clock.advance(20 + 899)
    expect(attempts()).toEqual([1, 1])
    // A newer failure, one millisecond before the reset.
    await crash(root, a)
    await clock.advance(1)
    expect(attempts()).toEqual([2, 1])
    await clock.advance(39 + 899)
    expect(attempts()).toEqual([2, 0])
    await clock.advance(1)
    expect(attempts()).toEqual([0, 0])
    await root.close()
  })

  it('T51 starts over after one minute of health, unless its policy says another time (in Pekko the mean of least and longest delay)', async () => {
    const { actor, grow, crash, clock } = world()
    const child = actor('a')
    const root = await grow([child], {
      policies: { default: { backoff: { initial: 100, max: 1_000, jitter: 'none' } } },
    })
    await crash(root, child)
    await clock.advance(100 + 59_999)
    expect(root.children()[0]?.attempt).toBe(1)
    await clock.advance(1)
    expect(root.children()[0]?.attempt).toBe(0)
    await root.close()
  })

  it('T52 follows a start that fails during a restart; at a first start there is none, as in OTP', async () => {
    const { actor, grow, crash, clock } = world()
    const policy = backoff(100, 1_000)
    const root = await grow()
    const never = actor('never', { start: failFrom(1) }, { policy })
    await expect(root.start(never.typed)).rejects.toThrow(/start 1/)
    const child = actor('a', { start: failFrom(2, 2) }, { policy })
    await root.start(child.typed)
    await crash(root, child)
    await clock.advance(100)
    expect(incarnations(root)).toEqual({ a: 'CLOSED' })
    await clock.advance(199)
    expect(child.lives).toHaveLength(2)
    await clock.advance(1)
    expect([incarnations(root), never.lives.length]).toEqual([{ a: 3 }, 1])
    await root.close()
  })
})

describe('a restart without delay', () => {
  it('T54 is tried again when its start fails, within the limit', async () => {
    const { actor, grow, crash } = world()
    const policy = { ...atOnce, intensity: { restarts: 3, within: 1_000 } }
    const child = actor('a', { start: failFrom(2, 3) }, { policy })
    const root = await grow([child])
    await crash(root, child)
    expect(incarnations(root)).toEqual({ a: 4 })
    await root.close()
  })

  it('T55 is tried as often as the limit says and no more when no start succeeds', async () => {
    const { actor, grow, crash, clock } = world()
    const policy = { ...atOnce, intensity: { restarts: 2, within: 1_000 } }
    const child = actor('a', { start: failFrom(2) }, { policy })
    const root = await grow([child])
    await crash(root, child)
    expect(await root.closed).toMatchObject(gaveUp)
    await clock.advance(100_000)
    expect(child.lives).toHaveLength(1 + 2)
  })
})
