import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/concurrency/deferred.ts'
import { supervisorResource } from '../../../src/supervision/supervisor-resource.ts'
import { Exc1, incarnations, sub, world } from './world.ts'

describe('a subtree', () => {
  it('H4 stands still while it is suspended: nobody handles a message, nobody is restarted; all go on when it is resumed', async () => {
    const { actor, grow, clock, told } = world()
    const [worker, other] = [actor('worker'), actor('other')]
    const root = await grow([sub('boss', [sub('middle', [worker, other]) as never])])
    const boss = await root.ref(supervisorResource, 'boss').ready()
    const middle = await boss.ref(supervisorResource, 'middle').ready()
    const ref = middle.ref(worker.definition, 'worker')
    expect(await ref.ask('ping 1')).toBe('pong 1')
    told()
    root.suspend('boss')
    const asked = ref.ask('ping 2', { timeout: 60_000 })
    middle.ref('other').fail(new Exc1('expected'))
    await clock.advance(2_000)
    expect(told().filter(line => line !== 'other stopped')).toEqual([])
    expect([other.lives.length, ref.snapshot().mailbox]).toEqual([1, 1])
    root.resume('boss')
    await clock.advance(0)
    expect(await asked).toBe('pong 2')
    expect(incarnations(middle)).toEqual({ worker: 1, other: 2 })
    await root.close()
  })

  it('H4 goes on without the one that was suspended by itself, and with those that came meanwhile', async () => {
    const { actor, grow, clock } = world()
    const [worker, other, late] = [actor('worker'), actor('other'), actor('late')]
    const root = await grow([sub('boss', [worker, other])])
    const boss = await root.ref(supervisorResource, 'boss').ready()
    boss.suspend('worker')
    root.suspend('boss')
    await boss.start(late.typed)
    const asked = [worker, other, late].map(({ definition, id }) => {
      const ask = { id, answered: false }
      void boss
        .ref(definition, id)
        .ask('ping 1', { timeout: 600_000 })
        .then(() => {
          ask.answered = true
        })
      return ask
    })
    const answered = async () => {
      await clock.settle()
      return asked.filter(ask => ask.answered).map(({ id }) => id)
    }
    boss.resume('other')
    expect(await answered()).toEqual([])
    root.resume('boss')
    expect(await answered()).toEqual(['other', 'late'])
    boss.resume('worker')
    expect(await answered()).toEqual(['worker', 'other', 'late'])
    await root.close()
  })

  it('H4 lets nobody in it start anew before all of it has ended, when its top fails; as in OTP, those not yet told to stop may still work', async () => {
    const { actor, grow, clock, told } = world()
    const gate = deferred<void>()
    const first = actor('first')
    const last = actor('last', { stop: ({ number }) => number === 1 && gate.promise })
    const root = await grow([sub('boss', [first, last])])
    told()
    root.ref('boss').fail(new Exc1('expected'))
    await clock.advance(2_000)
    expect([told(), root.ref('boss').client]).toEqual([[], undefined])
    gate.resolve()
    await clock.advance(0)
    expect(told()).toEqual(['last stopped', 'first stopped', 'first starts', 'last starts'])
    await root.close()
  })
})
