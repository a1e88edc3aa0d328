import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/concurrency/deferred.ts'
import { Exc1, incarnations, sub, world } from './world.ts'

describe('a supervisor', () => {
  it('M2 has its children again under the same names after its own restart', async () => {
    const { actor, grow, clock, told } = world()
    const bob = actor('bob')
    const root = await grow([sub('tree', [bob])])
    root.ref('tree').fail(new Exc1('weird message'))
    await clock.advance(0)
    expect(told()).toEqual(['bob starts', 'bob stopped', 'bob starts'])
    expect(incarnations(root)).toEqual({ tree: 2 })
    await root.close()
  })

  it('M3 takes the id of a child that has ended again', async () => {
    const { actor, grow } = world()
    const kid = actor('foo')
    const root = await grow([kid])
    const old = root.ref('foo')
    await root.stop('foo')
    const again = await root.start(kid.typed)
    expect([again === old, again.state, again.incarnation]).toEqual([true, 'READY', 2])
    await root.close()
  })

  it('M4 refuses the id of a child that is alive, or still ending', async () => {
    const { actor, grow, clock } = world()
    const gate = deferred<void>()
    const kid = actor('foo', { stop: () => gate.promise })
    const root = await grow([kid])
    const taken = { code: 'EXO_CHILD_SPEC_INVALID', message: expect.stringContaining('"foo" already') }
    await expect(root.start(kid.typed)).rejects.toMatchObject(taken)
    const stopping = root.stop('foo')
    await clock.settle()
    await expect(root.start(kid.typed)).rejects.toMatchObject(taken)
    gate.resolve()
    await stopping
    await root.start(kid.typed)
    await root.close()
  })

  it('M5 lets a listener start a successor at the moment in which a child ended, and not when it closes itself', async () => {
    const { actor, grow, crash, clock } = world()
    const kid = actor('robert', {}, { restart: 'temporary' })
    const outcomes: string[] = []
    const root = await grow([kid])
    root.onEvent(({ type }) => {
      if (type !== 'stopped') return
      queueMicrotask(() => {
        root.start(kid.typed).then(
          () => outcomes.push('started'),
          ({ code }) => outcomes.push(code),
        )
      })
    })
    await crash(root, kid)
    expect([outcomes, incarnations(root)]).toEqual([['started'], { robert: 1 }])
    await root.close()
    await clock.settle()
    expect(outcomes).toEqual(['started', 'EXO_RESOURCE_CLOSED'])
    expect(kid.lives).toHaveLength(2)
  })

  it('M6 names the child, its incarnation and the cause in each event of a failure', async () => {
    const { actor, grow, crash, events } = world()
    const kid = actor('child', {}, { restart: 'temporary' })
    const root = await grow([kid])
    await crash(root, kid, new Exc1('killed'))
    expect(events.filter(({ error }) => error)).toMatchObject([
      {
        type: 'failed',
        supervisor: 'root',
        name: 'child',
        kind: 'actor',
        incarnation: 1,
        error: { message: expect.stringContaining('killed') },
      },
      { type: 'child_terminated', supervisor: 'root', name: 'child', incarnation: 1 },
    ])
    await root.close()
  })
})
