import { describe, expect, it } from 'vitest'
import { supervisorResource } from '../../../src/supervision/supervisor-resource.ts'
import { Exc1, gaveUp, incarnations, limit, sub, world } from './world.ts'

const all = { strategy: 'one_for_all' } as const

describe('a hierarchy', () => {
  it('H1 restarts the manager and all its workers when one worker fails for good below it', async () => {
    const { actor, grow, crash } = world()
    const workers = ['one', 'two', 'three'].map(id => actor(id))
    const manager = sub('manager', workers, { ...all, intensity: { restarts: 0, within: 1_000 } })
    const root = await grow([manager])
    const ref = root.ref(supervisorResource, 'manager')
    const first = ref.client
    await crash(await ref.ready(), workers[0] as never)
    expect(incarnations(root)).toEqual({ manager: 2 })
    expect(await ref.ready()).not.toBe(first)
    expect(workers.map(({ lives }) => lives.length)).toEqual([2, 2, 2])
    await root.close()
  })

  it('H2 tells those above when a failure below is permanent, with the whole chain of causes', async () => {
    const { actor, grow, crash, of } = world()
    const crasher = actor('crasher', {}, { policy: limit(1, 5_000) })
    const root = await grow([sub('middle', [crasher], { policy: limit(0, 5_000) })])
    const middle = await root.ref(supervisorResource, 'middle').ready()
    await crash(middle, crasher, new Exc1('first'))
    await crash(middle, crasher, new Exc1('last'))
    expect(of('gave_up')).toEqual(['crasher#2', 'middle#1'])
    expect(await root.closed).toMatchObject({
      ...gaveUp,
      error: {
        message: expect.stringContaining('gave up on supervisor "middle"'),
        cause: {
          code: 'EXO_INTENSITY_EXCEEDED',
          message: expect.stringContaining('gave up on actor "crasher"'),
          cause: { cause: { message: 'last' } },
        },
      },
    })
  })

  it('H5 starts a child at its sixth attempt, and what each failed attempt had started is released before the next', async () => {
    const { actor, grow, clock, told } = world()
    const inner = actor('inner')
    const failing = actor('failing', {
      start({ number }) {
        if (number > 1 && number < 6) throw new Error('OH NO!')
      },
    })
    const root = await grow([sub('tree', [inner, failing])])
    told()
    root.ref('tree').fail(new Exc1())
    await clock.advance(0)
    const attempt = ['inner starts', 'failing starts']
    const undone = ['failing stopped', 'inner stopped']
    expect(told()).toEqual([...Array.from({ length: 5 }, () => [...undone, ...attempt]).flat()])
    expect([failing.lives.length, incarnations(root)]).toEqual([6, { tree: 6 }])
    await root.close()
  })

  it('M7 restarts the middle of three levels and what is below it, and leaves what is above', async () => {
    const { actor, grow, clock, told } = world()
    const last = actor('last')
    const head = sub('head', [sub('middle', [last]) as never])
    const root = await grow([head])
    const headClient = await root.ref(supervisorResource, 'head').ready()
    told()
    headClient.ref('middle').fail(new Exc1('killed'))
    await clock.advance(0)
    expect(told()).toEqual(['last stopped', 'last starts'])
    expect([incarnations(root), incarnations(headClient)]).toEqual([{ head: 1 }, { middle: 2 }])
    await root.close()
  })
})
