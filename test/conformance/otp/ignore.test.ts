import { describe, expect, it } from 'vitest'
import { defineResource } from '../../../src/resources/define.ts'
import { supervisorResource } from '../../../src/supervision/supervisor-resource.ts'
import type { SupervisorClient, SupervisorInput } from '../../../src/supervision/types.ts'
import { counts, incarnations, otp, type Worker, worker } from './world.ts'

/** A child that finds, while it starts, that it is not wanted. */
function unwanted(id: string, changes: Parameters<typeof worker>[2] = {}): Worker {
  const child: Worker = worker(id, { start: () => child.lives.at(-1)?.self.ignore('not wanted') }, changes)
  return child
}

/** A supervisor that finds so before it has started anything. */
const unwantedSupervisor = defineResource<SupervisorInput, SupervisorClient>({
  ...supervisorResource,
  async initialize(context) {
    context.self.ignore()
    await Promise.resolve()
    return supervisorResource.initialize(context)
  },
})

describe('sup_start with ignore', () => {
  it('sup_start_ignore_init — a supervisor that is not wanted starts none of its children, and that is no failure', async () => {
    const inner = worker('inner')
    const { root, events, clock } = await otp('one_for_one', 2, 3600)
    const ref = await root.start({
      id: 'sup',
      resource: unwantedSupervisor,
      input: { children: [inner.spec] },
    })
    expect([ref.state, ref.lastError, inner.lives.length]).toEqual(['CLOSED', undefined, 0])
    const told = events.filter(({ name }) => name === 'sup').map(({ type }) => type)
    expect(told).toEqual(['started', 'child_terminated', 'ignored'])
    expect(root.state).toBe('READY')
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('sup_start_ignore_child — its spec is kept, it does not run, and the next child starts', async () => {
    const all = [unwanted('child1'), worker('child2')]
    const { root, events } = await otp('one_for_one', 2, 3600, all)
    expect(incarnations(root)).toEqual({ child1: 'CLOSED', child2: 1 })
    expect(root.count()).toEqual({ specs: 2, active: 1, restarting: 0, supervisors: 0, workers: 2 })
    expect(events.find(({ type }) => type === 'ignored')).toMatchObject({
      name: 'child1',
      reason: 'not wanted',
    })
    expect(all[0]?.lives[0]?.left).toBe('done')
    await root.close()
  })

  it('sup_start_ignore_temporary_child — of a temporary one not even the spec is kept', async () => {
    const { root } = await otp('one_for_one', 2, 3600, [
      unwanted('child1', { restart: 'temporary' }),
      worker('child2', {}, { restart: 'temporary' }),
    ])
    expect(incarnations(root)).toEqual({ child2: 1 })
    expect(root.count()).toMatchObject({ specs: 1, active: 1, workers: 1 })
    await root.close()
  })

  it('sup_start_ignore_temporary_child_start_child — nor of one that is started later', async () => {
    const { root } = await otp('one_for_one', 2, 3600)
    const ref = await root.start(unwanted('child1', { restart: 'temporary' }).typed)
    await root.start(worker('child2', {}, { restart: 'temporary' }).typed)
    expect([ref.state, incarnations(root)]).toEqual(['CLOSED', { child2: 1 }])
    await root.start(worker('child1').typed)
    expect(counts(root)).toEqual([2, 2])
    await root.close()
  })

  it('sup_start_ignore_temporary_child_start_child_simple — nor of a temporary one below a dynamic supervisor', async () => {
    const child = unwanted('child')
    const { resource } = child.typed
    const { root } = await otp('dynamic', 2, 3600, [], { template: { resource, restart: 'temporary' } })
    const ref = await root.spawn(resource, {})
    expect([ref.state, root.children(), child.lives.length]).toEqual(['CLOSED', [], 1])
    await root.close()
  })

  it('sup_start_ignore_permanent_child_start_child_simple — nor of a permanent one there, and the supervisor stops cleanly', async () => {
    const child = unwanted('child')
    const { resource } = child.typed
    const { root, clock } = await otp('dynamic', 2, 3600, [], {
      template: { resource, restart: 'permanent' },
    })
    for (const id of ['a', 'b']) expect((await root.spawn(resource, {}, { id })).state).toBe('CLOSED')
    expect(root.children()).toEqual([])
    await root.close()
    expect(await root.closed).toEqual({ reason: 'closed', error: undefined })
    expect(child.lives.map(({ left }) => left)).toEqual(['done', 'done'])
    expect(clock.pending).toBe(0)
  })
})
