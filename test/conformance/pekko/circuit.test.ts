import { describe, expect, it } from 'vitest'
import { backoff, incarnations, type Life, world } from './world.ts'

describe('a limit that is spent', () => {
  it('B10 with a circuit keeps the child down and refuses what is sent, and tries again after a time with a fresh window', async () => {
    const { actor, grow, crash, clock } = world()
    const policy = { ...backoff(100, 100), intensity: { restarts: 1, within: 600_000 }, circuit: 30_000 }
    const child = actor('a', {}, { policy })
    const root = await grow([child, actor('b')])
    const ref = root.ref(child.definition, 'a')
    await crash(root, child)
    await clock.advance(100)
    await crash(root, child)
    await expect(ref.ready()).rejects.toMatchObject({ code: 'EXO_INTENSITY_EXCEEDED' })
    expect(ref.tell('ping 1')).toBe(false)
    await clock.advance(29_999)
    expect([incarnations(root), root.children()[0]?.circuit]).toEqual([{ a: 'CLOSED', b: 1 }, 'open'])
    await clock.advance(1)
    expect(await ref.ask('ping 2')).toBe('pong 2')
    expect(root.children()[0]).toMatchObject({ circuit: 'closed', window: { used: 0 } })
    await crash(root, child)
    await clock.advance(100)
    expect(incarnations(root)).toEqual({ a: 4, b: 1 })
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('B11 with a circuit spends the next time as well when its only trial fails', async () => {
    const { actor, grow, crash, clock } = world()
    const policy = { intensity: { restarts: 2, within: 1_000 }, circuit: 30_000 }
    const start = ({ number }: Life) => {
      if (number === 4) throw new Error('still not')
    }
    const child = actor('a', { start }, { policy })
    const root = await grow([child])
    for (let crashes = 0; crashes < 3; crashes += 1) await crash(root, child)
    expect([child.lives.length, root.children()[0]?.circuit]).toEqual([3, 'open'])
    await clock.advance(30_000)
    expect([child.lives.length, root.children()[0]?.circuit, root.state]).toEqual([4, 'open', 'READY'])
    await clock.advance(30_000)
    expect(incarnations(root)).toEqual({ a: 5 })
    await root.close()
  })

  for (const strategy of ['one_for_all', 'rest_for_one'] as const) {
    it(`B10 with a circuit, in the middle of a group restart, lets those after it start without it (${strategy})`, async () => {
      const { actor, grow, crash, clock } = world()
      const start = ({ number }: Life) => {
        if (number === 2) throw new Error('not now')
      }
      const policy = { intensity: { restarts: 1, within: 1_000 }, circuit: 30_000 }
      const [a, b] = [actor('a', { start }, { policy }), actor('b')]
      const root = await grow([a, b], { strategy })
      await crash(root, a)
      expect([incarnations(root), root.children()[0]?.circuit]).toEqual([{ a: 'CLOSED', b: 2 }, 'open'])
      await clock.advance(30_000)
      expect([incarnations(root), root.children()[0]?.circuit]).toEqual([{ a: 3, b: 2 }, 'closed'])
      await root.close()
    })
  }

  it('B11 with a circuit stays down for its time also when a sibling of its group is restarted meanwhile', async () => {
    const { actor, grow, crash, clock } = world()
    const policy = { intensity: { restarts: 0, within: 1_000 }, circuit: 30_000 }
    const [a, b] = [actor('a', {}, { policy }), actor('b')]
    const root = await grow([a, b], { strategy: 'one_for_all' })
    await crash(root, a)
    await crash(root, b)
    expect(incarnations(root)).toEqual({ a: 'CLOSED', b: 2 })
    await clock.advance(30_000)
    expect([incarnations(root), root.children()[0]?.circuit]).toEqual([{ a: 2, b: 2 }, 'closed'])
    await root.close()
    expect(clock.pending).toBe(0)
  })
})
