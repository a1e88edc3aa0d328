import { describe, expect, it } from 'vitest'
import { lifecycle } from '../../../machines/lifecycle.ts'
import { deferred } from '../../../src/concurrency/deferred.ts'
import { defineResource } from '../../../src/resources/define.ts'
import { supervise } from '../../../src/supervision/supervise.ts'
import { supervisorResource } from '../../../src/supervision/supervisor-resource.ts'
import type { StrategyName, Supervisor } from '../../../src/supervision/types.ts'
import { type Actor, Exc1, gaveUp, incarnations, type Life, limit, sub, world } from './world.ts'

/** A supervisor of that strategy with so many children. */
async function family(strategy: StrategyName, count: number) {
  const stage = world()
  const all = ['a', 'b', 'c'].slice(0, count).map(id => stage.actor(id, {}, { policy: limit(3, 5_000) }))
  const root = await stage.grow(all, { strategy })
  return { ...stage, all, root }
}

const ping = async (root: Pick<Supervisor, 'ref'>, { definition, id }: Actor) =>
  expect(await root.ref(definition, id).ask('ping 1')).toBe('pong 1')

describe('a classic supervisor', () => {
  it('S1 restarts no child more often than permitted', async () => {
    const { actor, grow, crash, clock } = world()
    const child = actor('a', {}, { policy: limit(5, 60_000) })
    const root = await grow([child])
    for (let crashes = 0; crashes < 6; crashes += 1) await crash(root, child)
    expect(await root.closed).toMatchObject(gaveUp)
    await clock.advance(1_000_000)
    expect(child.lives).toHaveLength(1 + 5)
  })

  it('S2 restarts properly when each start gives the same client', async () => {
    const { clock, grow } = world()
    const same = { starts: 0, stops: 0 }
    const definition = defineResource<object, typeof same, 'crash' | 'ping'>({
      kind: 'same',
      machine: lifecycle,
      async initialize() {
        same.starts += 1
        return same
      },
      async cleanup(client) {
        if (client) client.stops += 1
      },
      receive: (_, message, { self }) => (message === 'crash' ? self.fail(new Exc1()) : 'pong'),
    })
    const root = await grow([{ id: 'a', resource: definition, input: {}, policy: limit(3, 60_000) } as never])
    const ref = root.ref(definition, 'a')
    for (let round = 1; round <= 3; round += 1) {
      ref.tell('crash')
      await clock.advance(0)
      expect(await ref.ask('ping')).toBe('pong')
      expect(same).toEqual({ starts: 1 + round, stops: round })
    }
    ref.tell('crash')
    expect(await root.closed).toMatchObject(gaveUp)
    expect(same).toEqual({ starts: 4, stops: 4 })
  })

  it('S3 does not restart a temporary child, neither alone nor with its group', async () => {
    const { actor, grow, crash, clock } = world()
    const [a, b] = [actor('a', {}, { restart: 'temporary' }), actor('b')]
    const root = await grow([a, b], { strategy: 'one_for_all' })
    await crash(root, a)
    await clock.advance(100_000)
    expect([incarnations(root), a.lives.length]).toEqual([{ b: 1 }, 1])
    await root.close()
  })

  it('S4 starts supervisors within it and what is below them, in order', async () => {
    const { actor, grow, told } = world()
    const all = { strategy: 'one_for_all' } as const
    const root = await grow([actor('a'), sub('tree', [actor('b'), actor('c')], all), actor('d')], all)
    expect(told()).toEqual(['a starts', 'b starts', 'c starts', 'd starts'])
    await root.close()
    expect(told()).toEqual(['d stopped', 'c stopped', 'b stopped', 'a stopped'])
  })

  /** [case, strategy, children, the one that fails, who is new afterwards, whether they are asked before and after] */
  const matrix: readonly [string, StrategyName, number, number, string, boolean][] = [
    ['S5', 'one_for_one', 1, 0, 'a', false],
    ['S6', 'one_for_one', 1, 0, 'a', true],
    ['S7', 'one_for_all', 1, 0, 'a', false],
    ['S8', 'one_for_all', 1, 0, 'a', true],
    ['S9', 'one_for_one', 3, 0, 'a', false],
    ['S10', 'one_for_one', 3, 2, 'c', false],
    ['S11', 'one_for_one', 3, 1, 'b', true],
    ['S12', 'one_for_all', 3, 1, 'abc', false],
    ['S13', 'one_for_all', 3, 1, 'abc', true],
  ]
  for (const [id, strategy, count, failing, renewed, asked] of matrix) {
    const who = `${count === 1 ? 'a single child' : `child ${failing + 1} of ${count}`} under ${strategy}`
    it(`${id} replaces ${[...renewed].join(', ')} after the failure of ${who}${asked ? '; all answer before and after' : ''}`, async () => {
      const { root, all, crash, told } = await family(strategy, count)
      if (asked) for (const child of all) await ping(root, child)
      told()
      await crash(root, all[failing] as Actor)
      const fresh = [...renewed]
      const failed = all[failing]?.id
      const stopped = [failed, ...fresh.toReversed().filter(name => name !== failed)]
      expect(told()).toEqual([
        ...stopped.map(name => `${name} stopped`),
        ...fresh.map(name => `${name} starts`),
      ])
      expect(incarnations(root)).toEqual(
        Object.fromEntries(all.map(({ id: name }) => [name, fresh.includes(name) ? 2 : 1])),
      )
      if (asked) for (const child of all) await ping(root, child)
      await root.close()
    })
  }

  it('S14 hears of a failure that nobody waits for as well', async () => {
    const { root, all, crash, of } = await family('one_for_one', 1)
    await crash(root, all[0] as Actor)
    expect(of('failed')).toEqual(['a#1'])
    await root.close()
  })

  it('S15 keeps the order of what was told: before the failure, the failure, after it', async () => {
    const { root, all, clock, told } = await family('one_for_one', 1)
    const ref = root.ref((all[0] as Actor).definition, 'a')
    ref.tell('ping 1')
    ref.tell({ fail: new Exc1() })
    ref.tell('ping 2')
    await clock.advance(0)
    expect(told()).toEqual(['a starts', 'a pong 1', 'a stopped', 'a starts', 'a pong 2'])
    await root.close()
  })

  it('S16 restarts only the group that the failed child belongs to, and an outer group when its supervisor fails', async () => {
    const { actor, grow, crash, clock } = world()
    const [a, b, c] = [actor('a'), actor('b'), actor('c')]
    const all = { strategy: 'one_for_all' } as const
    const root = await grow([a, sub('tree', [b, c], all)], all)
    const tree = root.ref(supervisorResource, 'tree')
    await crash(await tree.ready(), b)
    expect([a, b, c].map(({ lives }) => lives.length)).toEqual([1, 2, 2])
    tree.fail(new Exc1())
    await clock.advance(0)
    expect([a, b, c].map(({ lives }) => lives.length)).toEqual([2, 3, 3])
    const again = await tree.ready()
    await ping(root, a)
    for (const child of [b, c]) await ping(again, child)
    await root.close()
  })
})

describe('a classic supervisor whose child has trouble while it is restarted', () => {
  it('S17 goes on when the cleanup throws and the next start too, and spends one unit for each attempt', async () => {
    const { actor, grow, crash, of } = world()
    const stop = ({ number }: Life) => {
      if (number === 1) throw new Error('no end')
    }
    const start = ({ number }: Life) => {
      if (number === 2) throw new Error('no start')
    }
    const child = actor('a', { start, stop }, { policy: limit(3, 10_000) })
    const root = await grow([child])
    await crash(root, child)
    await ping(root, child)
    expect([of('shutdown_error'), of('failed'), of('start_error')]).toEqual([['a#1'], ['a#1'], ['a#2']])
    expect(root.children()[0]).toMatchObject({ incarnation: 3, window: { used: 2 } })
    await root.close()
  })

  it('S18 loses no command that comes while a failure is being dealt with, not even when that fails in turn', async () => {
    const { actor, grow, clock } = world()
    const gate = deferred<void>()
    const child = actor('a', {
      async stop() {
        await gate.promise
        throw new Error('no end')
      },
    })
    const root = await grow([child, actor('b')])
    root.ref('a').fail(new Exc1())
    await clock.advance(0)
    const stopping = root.stop('a')
    const restarting = root.restart('b')
    const starting = root.start(actor('c').typed)
    gate.resolve()
    await Promise.all([stopping, restarting, starting])
    expect(incarnations(root)).toEqual({ a: 'CLOSED', b: 2, c: 1 })
    expect(child.lives).toHaveLength(1)
    await root.close()
  })

  it('S23 hands a failed first start to whoever asked for it, who may ask again', async () => {
    const { actor, grow } = world()
    let starts = 0
    const child = actor('a', {
      start() {
        starts += 1
        if (starts === 1) throw new Error('not yet')
      },
    })
    const root = await grow()
    await expect(root.start(child.typed)).rejects.toThrow(/not yet/)
    await root.start(child.typed)
    await ping(root, child)
    await root.close()
  })

  it('S19 refuses a wrong spec at the top before anything starts', async () => {
    const { actor, clock, told } = world()
    const wrong = { ...actor('b').spec, mailbox: -1 }
    await expect(supervise({ clock, children: [actor('a').spec, wrong] })).rejects.toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
    })
    expect([told(), clock.pending]).toEqual([[], 0])
  })

  it('S20 refuses a wrong spec further down with an error that names the place, and stays what it was', async () => {
    const { actor, grow, told } = world()
    const root = await grow([actor('a')])
    told()
    await expect(root.start(sub('tree', [actor('b'), actor('b')]))).rejects.toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
      message: expect.stringMatching(/"tree".*"b"/),
    })
    expect([told(), incarnations(root)]).toEqual([[], { a: 1 }])
    await root.close()
  })
})
