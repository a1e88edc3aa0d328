import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/concurrency/deferred.ts'
import { createResource, type OwnedResource } from '../../../src/resources/create.ts'
import type { PolicyInput } from '../../../src/supervision/policy.ts'
import { supervisorResource } from '../../../src/supervision/supervisor-resource.ts'
import type { Supervisor } from '../../../src/supervision/types.ts'
import { atOnce, backoff, Exc1, incarnations, limit, sub, world } from './world.ts'

/** The two ways of restarting that Pekko's suite asks each question about. */
const withBackoff = backoff(10, 10)
const slow = () => deferred<void>()
const inner = (root: Supervisor, id: string) => root.ref(supervisorResource, id).ready()

/** An actor that answers messages and owns children, which its cleanup closes one after the other. */
function parent(policy: PolicyInput) {
  const stage = world()
  const release = deferred<void>()
  const kid = stage.actor('kid', { stop: ({ number }) => number === 1 && release.promise })
  const owned: OwnedResource<unknown, unknown>[] = []
  const boss = stage.actor(
    'boss',
    {
      async receive() {
        const child = createResource(kid.definition, { input: {}, clock: stage.clock, shutdown: 600_000 })
        owned.push(child as never)
        await child.initialize()
        return owned.length
      },
      async stop() {
        for (const child of owned.splice(0)) await child.close()
      },
    },
    { policy },
  )
  return { ...stage, boss, kid, owned, release }
}

describe('children of an actor that is restarted', () => {
  for (const [id, how, policy, delay] of [
    ['T28', 'at once', atOnce, 0],
    ['T29', 'after a delay', withBackoff, 10],
  ] as const) {
    it(`${id} are stopped, and their slow end is awaited, before it starts again ${how}; what is sent meanwhile waits for the new one`, async () => {
      const { boss, release, grow, crash, clock, told } = parent(policy)
      const root = await grow([boss])
      const ref = root.ref(boss.definition, 'boss')
      expect([await ref.ask({ spawn: 1 }), await ref.ask('increment')]).toEqual([1, 1])
      told()
      await crash(root, boss)
      const state = ref.ask('state', { timeout: 200_000 })
      await clock.advance(100_000)
      expect([told(), ref.state, ref.snapshot().mailbox]).toEqual([[], 'CLOSING', 1])
      release.resolve()
      await clock.advance(delay)
      expect(await state).toBe(0)
      expect(told()).toEqual(['kid stopped', 'boss stopped', 'boss starts'])
      await root.close()
    })
  }

  for (const [id, how, policy] of [
    ['T31', 'at once', atOnce],
    ['T32', 'after a delay', withBackoff],
  ] as const) {
    it(`${id} always end with it, as in OTP; what shall live on stands beside it: a sibling hears nothing of its restart ${how}`, async () => {
      const { actor, grow, crash, clock } = world()
      const [below, boss, beside] = [actor('below'), actor('boss', {}, { policy }), actor('beside')]
      const root = await grow([sub('tree', [below]), boss, beside])
      await crash(root, boss)
      await clock.advance(10)
      root.ref('tree').fail(new Exc1())
      await clock.advance(10)
      expect(incarnations(root)).toEqual({ tree: 2, boss: 2, beside: 1 })
      expect([below.lives.length, beside.lives.length]).toEqual([2, 1])
      await root.close()
    })
  }

  for (const [id, how, policy] of [
    ['T33', 'at once', atOnce],
    ['T34', 'after a delay', withBackoff],
  ] as const) {
    it(`${id} are stopped again when a message that waited makes it fail a second time (${how})`, async () => {
      const { boss, release, grow, crash, clock, told } = parent(policy)
      const root = await grow([boss])
      const ref = root.ref(boss.definition, 'boss')
      await ref.ask({ spawn: 1 })
      await crash(root, boss)
      const answers = [ref.ask({ spawn: 2 }), ref.ask('increment')]
      ref.tell({ fail: new Exc1() })
      const last = ref.ask('state')
      told()
      release.resolve()
      await clock.advance(20)
      expect(await Promise.all(answers)).toEqual([1, 1])
      expect(await last).toBe(0)
      const again = ['boss stopped', 'boss starts']
      expect(told()).toEqual(['kid stopped', ...again, 'kid starts', 'kid stopped', ...again])
      await root.close()
    })
  }
})

describe('children of a start that fails', () => {
  for (const [id, policy] of [
    ['T35', limit(10, 1_000)],
    ['T36', withBackoff],
  ] as const) {
    it(`${id} are stopped in reverse order; a first start is not tried again, as in OTP, whatever the policy says`, async () => {
      const { actor, grow, clock, told } = world()
      const failing = actor('b', { start: () => Promise.reject(new Exc1('in setup')) })
      const root = await grow()
      await expect(root.start(sub('tree', [actor('a'), failing], { policy }))).rejects.toMatchObject({
        message: expect.stringContaining('in setup'),
      })
      await clock.advance(1_000)
      expect(told()).toEqual(['a starts', 'b starts', 'b stopped', 'a stopped'])
      expect([root.children(), clock.pending]).toEqual([[], 0])
      await root.close()
    })
  }

  for (const [id, policy, delay] of [
    ['T37', limit(10, 1_000), 0],
    ['T38', withBackoff, 10],
  ] as const) {
    it(`${id} are stopped, and their slow end is awaited, before each further attempt of a restart`, async () => {
      const { actor, grow, clock, told } = world()
      const [first, second] = [slow(), slow()]
      const waits = [first, second]
      const a = actor('a', { stop: ({ number }) => waits[number - 1]?.promise })
      const b = actor('b', { start: ({ number }) => number === 2 && Promise.reject(new Exc1('in setup')) })
      const root = await grow([sub('tree', [a, b], { policy })])
      told()
      root.ref('tree').fail(new Exc1())
      await clock.advance(1_000)
      expect(told()).toEqual(['b stopped'])
      first.resolve()
      await clock.advance(delay)
      expect(told()).toEqual(['a stopped', 'a starts', 'b starts', 'b stopped'])
      await clock.advance(1_000)
      expect(told()).toEqual([])
      second.resolve()
      await clock.advance(delay * 2)
      expect(told()).toEqual(['a stopped', 'a starts', 'b starts'])
      expect(incarnations(await inner(root, 'tree'))).toEqual({ a: 1, b: 1 })
      expect(root.ref('tree').incarnation).toBe(3)
      await root.close()
    })
  }
})
