import { describe, expect, it } from 'vitest'
import { supervisorResource } from '../../../src/supervision/supervisor-resource.ts'
import { counts, deadlock, incarnations, never, otp, sub, worker } from './world.ts'

describe('trees', () => {
  it('tree — a restart leaves other branches alone; when a supervisor gives up the tree is restarted without the children started later, and what was stopped comes back', async () => {
    const four = { intensity: { restarts: 4, within: 3_600_000 } }
    const [child1, child2, child4] = [worker('child1'), worker('child2'), worker('child4')]
    const child3 = worker('child3', {
      start: life => (life === 1 ? undefined : Promise.reject(new Error('error'))),
    })
    const { root, clock, terminate } = await otp('one_for_all', 4, 3600)
    const supervisor = (id: string) => root.ref(supervisorResource, id).ready()
    await root.start(sub('supchild1', [child1.spec, child2.spec], four))
    await root.start(sub('supchild2', [], four))
    const [sup1, sup2] = [await supervisor('supchild1'), await supervisor('supchild2')]
    await sup2.start(child3.typed)
    await sup2.start(child4.typed)
    expect([counts(root), counts(sup1), counts(sup2)]).toEqual([
      [2, 2],
      [2, 2],
      [2, 2],
    ])

    await terminate('child4', 'abnormal', sup2 as never)
    expect(incarnations(sup1)).toEqual({ child1: 1, child2: 1 })
    expect(incarnations(sup2)).toEqual({ child3: 1, child4: 2 })

    await terminate('child3', 'abnormal', sup2 as never)
    await clock.advance(1_000)
    expect(incarnations(root)).toEqual({ supchild1: 2, supchild2: 2 })
    const [newSup1, newSup2] = [await supervisor('supchild1'), await supervisor('supchild2')]
    expect(counts(newSup1)).toEqual([2, 2])
    expect(counts(newSup2)).toEqual([0, 0])
    expect([child1, child2, child3, child4].map(({ lives }) => lives.length)).toEqual([2, 2, 1 + 3, 2])

    await root.stop('supchild1')
    root.ref('supchild2').fail(new Error('crash'))
    await clock.advance(0)
    expect(incarnations(root)).toEqual({ supchild1: 3, supchild2: 3 })
    expect(counts(await supervisor('supchild1'))).toEqual([2, 2])
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('simple_global_supervisor — a supervisor or a worker that is killed, ends or is restarted comes back behind the same ref', async () => {
    const server = worker('server')
    const all = { strategy: 'one_for_all', intensity: { restarts: 3, within: 60_000 } } as const
    const { root, clock, terminate } = await otp('one_for_all', 3, 60, [
      sub('sup2', [server.spec], all) as never,
    ])
    const middle = root.ref(supervisorResource, 'sup2')
    const inner = () => middle.ready()
    middle.fail(new Error('killed'))
    await clock.advance(0)
    expect(await inner()).toBe(middle.client)
    expect([middle.incarnation, server.lives.length]).toEqual([2, 2])
    await terminate('server', 'abnormal', (await inner()) as never)
    await terminate('server', 'normal', (await inner()) as never)
    expect([middle.incarnation, server.lives.length]).toEqual([2, 4])
    await (await inner()).stop('server')
    await (await inner()).restart('server')
    expect(incarnations(await inner())).toEqual({ server: 4 })
    await root.close()
    expect(server.lives.map(({ left }) => left)).toEqual(server.lives.map(() => 'done'))
  })

  it('child_unlink — a child whose cleanup never ends cannot hang the supervisor: it answers meanwhile, and goes on after the time', async () => {
    const naughty = worker('naughty_child', { stop: never })
    const { root, clock } = await otp('one_for_one', 2, 3600)
    await root.start(naughty.typed)
    const stopping = root.stop('naughty_child')
    await root.start(worker('other').typed)
    expect(counts(root)).toEqual([2, 1])
    await clock.advance(1_000)
    await stopping
    await root.close()
    expect(naughty.lives[0]?.left).toBe('killed')
  })

  it('order_of_children — starts in order, stops what follows in reverse, starts it again in order, and stops all in reverse at the end', async () => {
    const ids = ['a5', 'b3', 'c1', 'd4', 'e2']
    const { root, events, terminate } = await otp(
      'rest_for_one',
      2,
      3600,
      ids.map(id => worker(id)),
    )
    const told = () =>
      events
        .splice(0)
        .flatMap(({ type, name }) =>
          type === 'started' ? [`+${name}`] : type === 'child_terminated' ? [`-${name}`] : [],
        )
    expect(told()).toEqual(ids.map(id => `+${id}`))
    expect(root.children().map(({ id }) => id)).toEqual(ids)
    await terminate('c1')
    expect(told()).toEqual(['-c1', '-e2', '-d4', '+c1', '+d4', '+e2'])
    expect(root.children().map(({ id }) => id)).toEqual(ids)
    await root.close()
    expect(told()).toEqual([...ids].reverse().map(id => `-${id}`))
  })
})

describe('a restart that hangs', () => {
  it('hanging_restart_loop — while a child cannot start the supervisor answers, a stop ends the loop, and closing does not hang', async () => {
    const { root, clock, terminate } = await otp('one_for_one', 8, 10)
    const child = deadlock('child1', () => clock)
    await root.start(child.typed)
    child.world.failing = true
    await terminate('child1')
    await clock.advance(3_000)
    await expect(root.start(child.typed)).rejects.toMatchObject({ code: 'EXO_CHILD_SPEC_INVALID' })
    expect(counts(root)).toEqual([1, 0])
    await root.stop('child1')
    const tried = child.lives.length
    await clock.advance(100_000)
    expect(child.lives).toHaveLength(tried)
    expect(incarnations(root)).toEqual({ child1: 'CLOSED' })

    child.world.failing = false
    await root.restart('child1')
    child.world.failing = true
    await terminate('child1')
    await clock.advance(3_000)
    await root.close()
    expect(await root.closed).toMatchObject({ reason: 'closed' })
  })

  it('hanging_restart_loop_rest_for_one — so it is with a group: the earlier child runs, the later one waits, a stop ends the loop', async () => {
    const { root, clock, terminate } = await otp('rest_for_one', 8, 10)
    const child2 = deadlock('child2', () => clock)
    for (const { typed } of [worker('child1'), child2, worker('child3')]) await root.start(typed)
    child2.world.failing = true
    await terminate('child2')
    await clock.advance(3_000)
    expect(incarnations(root)).toEqual({ child1: 1, child2: 'INITIALIZING', child3: 'CLOSED' })
    await expect(root.start(child2.typed)).rejects.toMatchObject({ code: 'EXO_CHILD_SPEC_INVALID' })
    await root.stop('child2')
    await clock.advance(100_000)
    expect(incarnations(root)).toEqual({ child1: 1, child2: 'CLOSED', child3: 2 })

    child2.world.failing = false
    await root.restart('child2')
    child2.world.failing = true
    await terminate('child2')
    await clock.advance(3_000)
    await root.close()
    expect(await root.closed).toMatchObject({ reason: 'closed' })
    expect(root.children().map(({ state }) => state)).toEqual(['CLOSED', 'CLOSED', 'CLOSED'])
  })
})
