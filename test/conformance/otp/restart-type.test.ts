import { describe, expect, it } from 'vitest'
import { counts, incarnations, otp, worker } from './world.ts'

const endings = ['normal', 'shutdown', 'abnormal'] as const
const restarted = { child1: 2 }
const kept = { child1: 'CLOSED' }
const gone = {}

const table = [
  ['permanent_normal', 'permanent', 'normal', restarted, 'is restarted'],
  ['permanent_shutdown', 'permanent', 'shutdown', restarted, 'is restarted'],
  ['permanent_abnormal', 'permanent', 'abnormal', restarted, 'is restarted'],
  ['transient_normal', 'transient', 'normal', kept, 'is not restarted, its spec is kept'],
  ['transient_shutdown', 'transient', 'shutdown', kept, 'is not restarted, its spec is kept'],
  ['transient_abnormal', 'transient', 'abnormal', restarted, 'is restarted'],
  ['temporary_normal', 'temporary', 'normal', gone, 'is gone with its spec'],
  ['temporary_shutdown', 'temporary', 'shutdown', gone, 'is gone with its spec'],
  ['temporary_abnormal', 'temporary', 'abnormal', gone, 'is gone with its spec'],
] as const

describe('restart type', () => {
  for (const [name, restart, how, outcome, said] of table) {
    it(`${name} — the child ${said}`, async () => {
      const child = worker('child1', {}, { restart })
      const { root, clock, terminate } = await otp('one_for_one', 2, 3600)
      await root.start(child.typed)
      await terminate('child1', how)
      await clock.advance(100_000)
      expect(incarnations(root)).toEqual(outcome)
      expect(child.lives).toHaveLength(outcome === restarted ? 2 : 1)
      await root.close()
    })
  }

  it('temporary_bystander — a temporary sibling stopped with its group is not restarted, and does not break the supervisor', async () => {
    for (const strategy of ['one_for_all', 'rest_for_one'] as const) {
      const child1 = worker('child1')
      const child2 = worker('child2', {}, { restart: 'temporary' })
      const { root, clock, terminate } = await otp(strategy, 10, 10, [child1, child2])
      await terminate('child1')
      expect(incarnations(root)).toEqual({ child1: 2 })
      expect(child2.lives.map(({ left }) => left)).toEqual(['done'])
      await terminate('child1')
      expect(counts(root)).toEqual([1, 1])
      await root.close()
      expect(clock.pending).toBe(0)
    }
  })

  it('do_not_save_child_specs_for_temporary_children — in every strategy and for every end the id is free again', async () => {
    for (const strategy of ['one_for_all', 'one_for_one', 'rest_for_one'] as const) {
      for (const how of [...endings, 'by the supervisor'] as const) {
        const child3 = worker('child3', {}, { restart: 'temporary' })
        const { root, terminate } = await otp(strategy, 2, 3600)
        await root.start(child3.typed)
        await (how === 'by the supervisor' ? root.stop('child3') : terminate('child3', how))
        expect(root.children()).toEqual([])
        await root.start(child3.typed)
        expect(counts(root)).toEqual([1, 1])
        await root.close()
      }
    }
  })
})
