import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/concurrency/deferred.ts'
import { atOnce, backoff, Exc1, type Life, world } from './world.ts'

const withBackoff = backoff(10, 10)
const ways = (ids: readonly [string, string]) =>
  [
    [ids[0], 'at once', atOnce],
    [ids[1], 'after a delay', withBackoff],
  ] as const

describe('messages to an actor that is being restarted', () => {
  it('T41 wait up to the capacity of its mailbox; what is beyond is refused, announced and counted', async () => {
    const { actor, grow, crash, clock, events, told } = world()
    const child = actor('a', {}, { policy: backoff(1_000, 1_000), mailbox: 2 })
    const root = await grow([child])
    const ref = root.ref(child.definition, 'a')
    await crash(root, child)
    told()
    const sent = ([1, 2, 3, 4] as const).map(n => ref.tell(`ping ${n}`))
    expect(sent).toEqual([true, true, false, false])
    await clock.advance(1_000)
    expect(told()).toEqual(['a starts', 'a pong 1', 'a pong 2'])
    const letters = events.filter(({ type }) => type === 'dead_letter')
    expect(letters).toMatchObject([
      { name: 'a', reason: 'mailbox full', count: 1 },
      { name: 'a', reason: 'mailbox full', count: 2 },
    ])
    expect(ref.snapshot().deadLetters).toBe(2)
    await root.close()
  })

  for (const [id, how, policy] of ways(['T58', 'T59'])) {
    it(`${id} still wait when one of those that waited makes it fail again (${how}): none is lost, none comes twice, and the failing one is not replayed`, async () => {
      const { actor, grow, clock, told } = world()
      const release = deferred<void>()
      const child = actor('a', { stop: ({ number }) => number === 1 && release.promise }, { policy })
      const root = await grow([child])
      const ref = root.ref(child.definition, 'a')
      ref.tell({ fail: new Exc1() })
      ref.tell({ fail: new Exc1() })
      for (const n of [1, 2] as const) ref.tell(`ping ${n}`)
      await clock.advance(0)
      expect([ref.state, ref.snapshot().mailbox, told()]).toEqual(['CLOSING', 3, ['a starts']])
      release.resolve()
      await clock.advance(20)
      const again = ['a stopped', 'a starts']
      expect(told()).toEqual([...again, ...again, 'a pong 1', 'a pong 2'])
      expect(ref.snapshot().deadLetters).toBe(0)
      await root.close()
    })
  }

  for (const [id, how, policy] of ways(['T60', 'T61'])) {
    it(`${id} wait through starts that fail (${how}), and are handled in their order by the first one that succeeds`, async () => {
      const { actor, grow, crash, clock, told } = world()
      const start = ({ number }: Life) => {
        if (number === 2 || number === 3) throw new Exc1('in setup')
      }
      const child = actor('a', { start }, { policy })
      const root = await grow([child])
      const ref = root.ref(child.definition, 'a')
      const crashed = crash(root, child)
      for (const n of [1, 2] as const) ref.tell(`ping ${n}`)
      await crashed
      await clock.advance(30)
      const again = ['a stopped', 'a starts']
      expect(told()).toEqual(['a starts', ...again, ...again, ...again, 'a pong 1', 'a pong 2'])
      await root.close()
    })
  }
})
