import { describe, expect, it } from 'vitest'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import type { SupervisorClient } from '../../src/supervision/types.ts'
import { calm, grow, kid } from './tree.ts'

const states = (client: SupervisorClient) => client.children().map(({ id, state }) => `${id} ${state}`)

/** Faults that worlds with reloads and spawned children have shown, each in its smallest form. */
describe('a member of a group that is stopped while its supervisor is suspended', () => {
  it('stays stopped when the end of another one came before that', async () => {
    const [a, b] = [kid('a'), kid('b')]
    const input = {
      strategy: 'one_for_all',
      children: [a.spec, b.spec],
      policies: { default: calm },
    } as const
    const { clock, root } = await grow([{ id: 'group', resource: supervisorResource, input }])
    const group = root.ref(supervisorResource, 'group').client as SupervisorClient
    root.suspend('group')
    group.ref('a').fail(new Error('lost'))
    await clock.settle()
    await group.stop('b')
    root.resume('group')
    await clock.advance(1_000)
    expect(states(group)).toEqual(['a READY', 'b CLOSED'])
    await root.close()
  })

  it('comes back with its group when it was stopped before that end', async () => {
    const [a, b] = [kid('a'), kid('b')]
    const input = {
      strategy: 'one_for_all',
      children: [a.spec, b.spec],
      policies: { default: calm },
    } as const
    const { clock, root } = await grow([{ id: 'group', resource: supervisorResource, input }])
    const group = root.ref(supervisorResource, 'group').client as SupervisorClient
    root.suspend('group')
    await group.stop('b')
    group.ref('a').fail(new Error('lost'))
    await clock.settle()
    root.resume('group')
    await clock.advance(1_000)
    expect(states(group)).toEqual(['a READY', 'b READY'])
    await root.close()
  })
})

describe('a child of a graph that has never run', () => {
  it('is taken from the moment in which somebody restarts it: nobody waits for ever', async () => {
    const a = kid('a', {}, { start: false })
    const { root } = await grow([a.spec], { strategy: 'dependency_closure' })
    const restarted = root.restart('a')
    await expect(root.start(a.typed)).rejects.toThrow('has a child "a" already')
    await restarted
    expect(states(root)).toEqual(['a READY'])
    await root.close()
  })
})

describe('a restart by hand in a graph', () => {
  it('brings back those that need the child, also when they were starting again just then', async () => {
    const [a, b] = [kid('a'), kid('b', {}, { dependsOn: ['a'] })]
    const { clock, root } = await grow([a.spec, b.spec], { strategy: 'dependency_closure' })
    b.script.initialize = 'wait'
    root.ref('a').fail(new Error('lost'))
    await clock.advance(100)
    expect(states(root)).toEqual(['a READY', 'b INITIALIZING'])
    b.script.initialize = 'at once'
    const restarted = root.restart('a')
    b.lives[1]?.initialized.resolve()
    await clock.advance(1_000)
    await restarted
    expect(states(root)).toEqual(['a READY', 'b READY'])
    await root.close()
  })
})
