import { describe, expect, it } from 'vitest'
import { supervisorResource } from '../../../src/supervision/supervisor-resource.ts'
import type { AutoShutdown, Supervisor } from '../../../src/supervision/types.ts'
import { counts, incarnations, otp, sub, type Worker, worker } from './world.ts'

const endings = ['abnormal', 'normal', 'shutdown'] as const
const significant = true
const modes = ['any_significant', 'all_significant'] as const
const shutDown = { reason: 'auto_shutdown', error: undefined }

/** A supervisor of one_for_one with a mode, whose intensity is never spent. */
const withMode = (autoShutdown: AutoShutdown, ...workers: Worker[]) =>
  otp('one_for_one', 1_000, 3600, workers, { autoShutdown })

/** It has ended because of a significant child, all its children are closed, and nothing is left. */
async function endedByItself(root: Supervisor, ...workers: Worker[]): Promise<void> {
  expect(root.state).toBe('CLOSED')
  expect(await root.closed).toEqual(shutDown)
  for (const { lives } of workers) expect(lives.map(({ left }) => left)).toEqual(lives.map(() => 'done'))
}

describe('auto_shutdown', () => {
  it('nonsignificant_temporary — no end of such a child ends the supervisor, whatever its mode', async () => {
    for (const mode of ['never', ...modes] as const) {
      for (const how of endings) {
        const { root, terminate } = await withMode(mode, worker('child1', {}, { restart: 'temporary' }))
        await terminate('child1', how)
        expect([root.state, counts(root)], `${mode} ${how}`).toEqual(['READY', [0, 0]])
        await root.close()
        expect(await root.closed).toMatchObject({ reason: 'closed' })
      }
    }
  })

  it('nonsignificant_transient — no end of such a child ends the supervisor; after a failure the child is restarted', async () => {
    for (const mode of ['never', ...modes] as const) {
      const { root, terminate } = await withMode(mode, worker('child1', {}, { restart: 'transient' }))
      await terminate('child1', 'abnormal')
      expect(incarnations(root)).toEqual({ child1: 2 })
      for (const how of ['normal', 'shutdown'] as const) {
        await terminate('child1', how)
        expect([root.state, incarnations(root)]).toEqual(['READY', { child1: 'CLOSED' }])
        await root.restart('child1')
      }
      await root.close()
    }
  })

  it('significant_temporary — any end by itself of any, or of the last of all, ends the supervisor; to be stopped does not', async () => {
    const changes = { restart: 'temporary', significant } as const
    const three = () => ['child1', 'child2', 'child3'].map(id => worker(id, {}, changes))
    for (const how of endings) {
      const any = three()
      const { root, terminate } = await withMode('any_significant', ...any)
      await root.stop('child1')
      expect([root.state, counts(root)]).toEqual(['READY', [2, 2]])
      await terminate('child2', how)
      await endedByItself(root, ...any)

      const all = three()
      const other = await withMode('all_significant', ...all, worker('bystander'))
      await other.terminate('child1', how)
      await other.root.stop('child2')
      expect([other.root.state, counts(other.root)]).toEqual(['READY', [2, 2]])
      await other.terminate('child3', how)
      await endedByItself(other.root, ...all)
      expect(other.clock.pending).toBe(0)
    }
    const { root } = await withMode('all_significant', ...three())
    for (const id of ['child1', 'child2', 'child3']) await root.stop(id)
    expect([root.state, counts(root)]).toEqual(['READY', [0, 0]])
    await root.close()
  })

  it('significant_transient — a failure restarts the child, only its normal end counts', async () => {
    const changes = { restart: 'transient', significant } as const
    const two = () => ['child1', 'child2'].map(id => worker(id, {}, changes))
    for (const how of ['normal', 'shutdown'] as const) {
      const any = two()
      const { root, terminate } = await withMode('any_significant', ...any)
      await terminate('child1', 'abnormal')
      await root.stop('child2')
      expect([root.state, incarnations(root)]).toEqual(['READY', { child1: 2, child2: 'CLOSED' }])
      await terminate('child1', how)
      await endedByItself(root, ...any)

      const all = two()
      const other = await withMode('all_significant', ...all)
      await other.terminate('child1', how)
      await other.terminate('child2', 'abnormal')
      expect(incarnations(other.root)).toEqual({ child1: 'CLOSED', child2: 2 })
      await other.root.restart('child1')
      await other.terminate('child2', how)
      expect(other.root.state).toBe('READY')
      await other.terminate('child1', how)
      await endedByItself(other.root, ...all)
    }
  })

  it('significant_transient: one that stays down for a time is not the past — the last of the others does not end the supervisor', async () => {
    const failing = worker(
      'child1',
      {},
      {
        restart: 'transient',
        significant,
        policy: { intensity: { restarts: 0, within: 1_000 }, circuit: 5_000 },
      },
    )
    const all = [failing, worker('child2', {}, { restart: 'transient', significant })]
    const { root, clock, terminate } = await withMode('all_significant', ...all)
    await terminate('child1', 'abnormal')
    await terminate('child2', 'normal')
    expect([root.state, incarnations(root)]).toEqual(['READY', { child1: 'CLOSED', child2: 'CLOSED' }])
    await clock.advance(5_000)
    expect(incarnations(root)).toMatchObject({ child1: 2 })
    await terminate('child1', 'normal')
    await endedByItself(root, ...all)
  })

  it('significant_simple — both modes count the children of a dynamic supervisor', async () => {
    const child = worker('child')
    const { resource } = child.typed
    for (const restart of ['temporary', 'transient'] as const) {
      for (const autoShutdown of modes) {
        const template = { resource, restart, significant }
        const { root, terminate } = await otp('dynamic', 10, 3600, [], { template, autoShutdown })
        for (const id of ['a', 'b', 'c']) await root.spawn(resource, {}, { id })
        await root.stop('a')
        expect(counts(root)).toEqual([2, 2])
        if (restart === 'transient') await terminate('b', 'abnormal')
        await terminate('b', 'normal')
        if (autoShutdown === 'all_significant') {
          expect([root.state, counts(root)]).toEqual(['READY', [1, 1]])
          await terminate('c', 'shutdown')
        }
        await endedByItself(root, child)
      }
    }
  })

  it('significant_bystander — significant children that are stopped with their group do not count', async () => {
    for (const strategy of ['one_for_one', 'one_for_all', 'rest_for_one'] as const) {
      for (const autoShutdown of modes) {
        const all = [
          worker('child1'),
          worker('child2', {}, { restart: 'temporary', significant }),
          worker('child3', {}, { restart: 'transient', significant }),
        ]
        const { root, clock, terminate } = await otp(strategy, 10, 3600, all, { autoShutdown })
        await terminate('child1', 'abnormal')
        const alone = { child1: 2, child2: 1, child3: 1 }
        expect(incarnations(root)).toEqual(strategy === 'one_for_one' ? alone : { child1: 2, child3: 2 })
        expect(root.state).toBe('READY')
        await root.close()
        expect(clock.pending).toBe(0)
      }
    }
  })

  it('significant_escalation — a significant supervisor that ends so takes the one above it along; another one does not', async () => {
    for (const isSignificant of [true, false]) {
      const deep = worker('deep', {}, { restart: 'temporary', significant })
      const nested = sub('sup', [deep.spec], { autoShutdown: 'any_significant' })
      const bystander = worker('bystander')
      const { root, terminate } = await otp(
        'one_for_one',
        10,
        3600,
        [bystander, { ...nested, restart: 'transient', significant: isSignificant } as never],
        { autoShutdown: 'any_significant' },
      )
      const inner = await root.ref(supervisorResource, 'sup').ready()
      await terminate('deep', 'abnormal', inner as never)
      if (isSignificant) await endedByItself(root, bystander, deep)
      else expect([root.state, incarnations(root)]).toEqual(['READY', { bystander: 1, sup: 'CLOSED' }])
      await root.close()
    }
  })
})
