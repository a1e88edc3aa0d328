import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createResource } from '../../src/resources/create.ts'
import { memberSpec, resourceGroup } from '../../src/resources/group-resource.ts'
import { childSpec } from '../../src/supervision/child-spec.ts'
import { grow } from '../supervision/tree.ts'
import { type Script, scripted } from './scripted.ts'
import { unhandledRejections } from './unhandled.ts'

const leaks = unhandledRejections()
beforeEach(leaks.watch)
afterEach(leaks.expectNone)

async function supervised(changes: Partial<Script> = {}) {
  const disk = scripted({}, undefined, 'disk')
  const index = scripted(changes, undefined, 'index')
  const input = {
    order: 'sequence' as const,
    resources: [
      memberSpec({ name: 'disk', resource: disk.definition, input: {} }),
      memberSpec({ name: 'index', resource: index.definition, input: {}, dependsOn: ['disk'] }),
    ],
  }
  const tree = await grow([childSpec({ id: 'storage', resource: resourceGroup, input })])
  const ref = tree.root.ref(resourceGroup, 'storage')
  return { disk, index, ref, input, ...tree }
}

describe('a group below a supervisor', () => {
  it('is READY when all its resources are, and gives them to its callers', async () => {
    const { root, ref, index } = await supervised()
    const group = await ref.ready()
    expect(await group.getResource(index.definition, 'index').ready()).toEqual({ life: 1 })
    expect(group.statuses().map(({ kind, name, state }) => [kind, name, state])).toEqual([
      ['disk', 'disk', 'READY'],
      ['index', 'index', 'READY'],
    ])
    await root.close()
  })

  it('is restarted as one when a resource fails: the others are closed before any starts again', async () => {
    const { root, ref, disk, index, clock, story } = await supervised()
    disk.lives[0]?.self.fail(new Error('crash'))
    await clock.settle()
    expect(index.lives[0]?.cleanups).toHaveLength(1)
    expect(disk.lives[0]?.cleanups).toHaveLength(1)
    await clock.advance(100)
    const group = await ref.ready()
    expect([ref.incarnation, disk.lives.length, index.lives.length]).toEqual([2, 2, 2])
    expect(group.getResource('disk').state).toBe('READY')
    expect(story()).toContain('restarted storage#2')
    expect(ref.lastError?.message).toBe('group "storage" lost disk "disk": disk "disk" failed: crash')
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('is DEGRADED while one of its resources is, and its soft restart mends that resource in place', async () => {
    const { root, ref, index, disk, clock, story } = await supervised({ recover: async () => undefined })
    index.lives[0]?.self.degrade(new Error('slow'))
    expect(ref.state).toBe('DEGRADED')
    await clock.advance(1_000)
    expect([ref.state, ref.incarnation]).toEqual(['READY', 1])
    expect(story()).toEqual(expect.arrayContaining(['soft_restart storage#1', 'recovered storage#1']))
    expect([disk.lives.length, index.lives.length]).toEqual([1, 1])
    await root.close()
  })

  it('that cannot mend a resource in place is restarted after its soft restarts', async () => {
    const { root, ref, disk, index, clock } = await supervised()
    disk.lives[0]?.self.degrade(new Error('slow'))
    await clock.advance(3_200)
    expect([ref.state, ref.incarnation]).toEqual(['READY', 2])
    expect([disk.lives.length, index.lives.length]).toEqual([2, 2])
    await root.close()
  })

  it('recovers by itself when its resource does', async () => {
    const { root, ref, index } = await supervised()
    index.lives[0]?.self.degrade(new Error('slow'))
    index.lives[0]?.self.recovered()
    expect(ref.state).toBe('READY')
    await root.close()
  })

  it('that cannot start rolls back, and the supervisor says why', async () => {
    const index = scripted({ initialize: 'wait' }, undefined, 'index')
    const disk = scripted({}, undefined, 'disk')
    const clock = new VirtualClock()
    const input = {
      resources: [
        memberSpec({ name: 'disk', resource: disk.definition, input: {} }),
        memberSpec({ name: 'index', resource: index.definition, input: {} }),
      ],
    }
    const growing = grow([childSpec({ id: 'storage', resource: resourceGroup, input })], { clock })
    const failed = growing.catch((error: unknown) => error)
    await clock.settle()
    index.lives[0]?.initialized.reject(new Error('no route'))
    expect(await failed).toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      message: expect.stringContaining('group "storage" could not start index "index"'),
    })
    expect(disk.lives[0]?.cleanups).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })

  it('with a wrong spec fails with the fault, and nothing has started', async () => {
    const disk = scripted({}, undefined, 'disk')
    const input = {
      resources: [
        memberSpec({ name: 'disk', resource: disk.definition, input: {} }),
        memberSpec({ name: 'disk', resource: disk.definition, input: {} }),
      ],
    }
    const group = createResource(resourceGroup, { name: 'g', input, clock: new VirtualClock() })
    await expect(group.initialize()).rejects.toMatchObject({ code: 'EXO_CHILD_SPEC_INVALID' })
    await group.close()
    expect(disk.lives).toEqual([])
  })

  it('shows the trouble of a resource that came in any moment of becoming READY', async () => {
    for (const act of ['degrade', 'fail'] as const) {
      const seen = new Set<string>()
      for (let hops = 0; hops < 30; hops += 1) {
        const disk = scripted({ initialize: 'wait' }, undefined, 'disk')
        const input = { resources: [memberSpec({ name: 'disk', resource: disk.definition, input: {} })] }
        const clock = new VirtualClock()
        const group = createResource(resourceGroup, { name: 'g', input, clock })
        const waiting = group.initialize().catch(() => undefined)
        await clock.settle()
        disk.lives[0]?.initialized.resolve()
        for (let hop = 0; hop < hops; hop += 1) await Promise.resolve()
        disk.lives[0]?.self[act](new Error('trouble'))
        await clock.settle()
        const client = await waiting
        // One that is degraded before it is READY is not degraded.
        const expected = act === 'fail' ? 'ERROR' : client?.getResource('disk').state
        expect([act, hops, group.state]).toEqual([act, hops, expected])
        seen.add(group.state)
        await group.close()
      }
      expect([...seen]).toContain(act === 'fail' ? 'ERROR' : 'DEGRADED')
    }
  })

  it('reports cleanups that failed, and closes the rest all the same', async () => {
    const { root, events, disk, index, clock } = await supervised({ cleanup: 'wait' })
    const closing = root.close()
    await clock.settle()
    index.lives[0]?.cleaned.reject(new Error('disk full'))
    await closing
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'shutdown_error',
        name: 'storage',
        error: expect.objectContaining({ message: expect.stringContaining('disk full') }),
      }),
    )
    expect(disk.lives[0]?.cleanups).toHaveLength(1)
  })

  it('whose time for closing is over closes all that is left at once', async () => {
    const { root, disk, clock } = await supervised({ cleanup: 'wait' })
    const closing = root.close()
    await clock.advance(299)
    expect(disk.lives[0]?.cleanups).toEqual([])
    await clock.advance(1)
    await closing
    expect(disk.lives[0]?.cleanups).toHaveLength(1)
    await clock.advance(5_000)
    expect(clock.pending).toBe(0)
  })

  it('shows its resources as actors of the tree', async () => {
    const { root } = await supervised()
    const seen = new Set<string>()
    root.inspect(event => {
      const actor = (event as { actorRef?: { id?: string } }).actorRef
      if (actor?.id) seen.add(actor.id)
    })
    root.ref('storage').degrade('x')
    await root.close()
    expect([...seen].some(id => id.includes('disk#1'))).toBe(true)
  })
})
