import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import type { PolicyTable } from '../../src/supervision/policy.ts'
import type { StrategyName } from '../../src/supervision/types.ts'
import { leakCheck } from './leaks.ts'
import { calm, kid } from './tree.ts'

const { grow } = leakCheck()

const strategies = ['one_for_one', 'one_for_all', 'rest_for_one', 'dependency_closure'] as const
const policies: PolicyTable = { default: { ...calm, intensity: { restarts: 20, within: 60_000 } } }

/** Three children; under dependency_closure b and c need a. */
function trio(strategy: StrategyName) {
  const needs = strategy === 'dependency_closure' ? { dependsOn: ['a'] } : {}
  return [kid('a'), kid('b', {}, needs), kid('c', {}, needs)] as const
}

const each = (moments: readonly string[]): (readonly [StrategyName, string])[] =>
  strategies.flatMap(strategy => moments.map(moment => [strategy, moment] as const))

/** Brings a's restart to such a moment. */
async function restarting(strategy: StrategyName, moment: string) {
  const kids = trio(strategy)
  const [a] = kids
  const world = await grow(kids, { strategy, policies })
  const isAt = (other: string) => moment === other
  for (const { script } of kids) {
    if (isAt('closing')) script.cleanup = 'wait'
    if (isAt('starting')) script.initialize = 'wait'
  }
  a.lives[0]?.self.fail(new Error('broken'))
  await world.clock.advance(isAt('closing') ? 0 : isAt('backoff') ? 50 : 150)
  /** Lets everything go on that waits for a test. */
  const goOn = async () => {
    for (const { script } of kids) Object.assign(script, { initialize: 'at once', cleanup: 'at once' })
    for (let round = 0; round < 5; round += 1) {
      for (const { lives } of kids)
        for (const life of lives) {
          life.cleaned.resolve()
          life.initialized.resolve()
        }
      await world.clock.advance(5_000)
    }
  }
  return { ...world, kids, goOn }
}

describe('a crash while others restart', () => {
  it.each(each(['closing', 'backoff', 'starting']))(
    'under %s, while they are in the %s, of every child that runs: all are READY in the end',
    async (strategy, moment) => {
      const { root, kids, goOn, clock } = await restarting(strategy, moment)
      for (const { lives } of kids.toReversed()) lives.at(-1)?.self.fail(new Error('broken meanwhile'))
      await clock.settle()
      await goOn()
      expect(root.children().map(({ id, state }) => `${id} ${state}`)).toEqual([
        'a READY',
        'b READY',
        'c READY',
      ])
    },
  )
})

describe('a stop', () => {
  it.each(each(['closing', 'backoff', 'starting']))(
    'of the child that failed, under %s, while in the %s, wins: it does not come back',
    async (strategy, moment) => {
      const { root, kids, goOn } = await restarting(strategy, moment)
      const stopped = root.stop('a')
      await goOn()
      await stopped
      const { length } = kids[0].lives
      expect(root.ref('a').state).toBe('CLOSED')
      await goOn()
      expect(kids[0].lives.length).toBe(length)
    },
  )

  it.each(each(['closing', 'backoff', 'starting']))(
    'of the supervisor, under %s, while in the %s, wins: nothing starts any more',
    async (strategy, moment) => {
      const { root, kids, goOn } = await restarting(strategy, moment)
      const closed = root.close()
      const before = kids.map(({ lives }) => lives.length)
      await goOn()
      await closed
      expect(kids.map(({ lives }) => lives.length)).toEqual(before)
    },
  )

  it.each(['stop', 'remove', 'close'] as const)(
    'in the word %s, while a circuit is open or half open, leaves no trial behind',
    async command => {
      for (const isHalfOpen of [false, true]) {
        const child = kid('a')
        const circuit: PolicyTable = {
          default: { ...calm, intensity: { restarts: 0, within: 60_000 }, circuit: 500 },
        }
        const { root, clock, story } = await grow([child], { policies: circuit })
        child.lives[0]?.self.fail(new Error('broken'))
        child.script.initialize = 'wait'
        await clock.advance(isHalfOpen ? 600 : 100)
        expect(story().at(-1)).toMatch(isHalfOpen ? /^circuit_half_open/ : /^circuit_opened/)
        const told = command === 'close' ? root.close() : root[command]('a')
        child.lives[1]?.initialized.resolve()
        await clock.advance(1_000)
        await told
        await clock.advance(10_000)
        expect(child.lives.length).toBe(isHalfOpen ? 2 : 1)
      }
    },
  )
})

describe('a child that is removed', () => {
  it.each(strategies)('while it closes, under %s, is gone, whoever fails meanwhile', async strategy => {
    const { root, kids, goOn, clock } = await restarting(strategy, 'closing')
    const removed = root.remove('c')
    await clock.settle()
    kids[1].lives[0]?.self.fail(new Error('broken meanwhile'))
    await goOn()
    await removed
    expect(root.children().map(({ id, state }) => `${id} ${state}`)).toEqual(['a READY', 'b READY'])
    expect(kids[2].lives.length).toBe(1)
  })
})

describe('a clock that jumps back', () => {
  class JumpingClock extends VirtualClock {
    offset = 0
    override now(): number {
      return super.now() + this.offset
    }
  }

  it.each(strategies)('under %s, keeps no child from its restart, and forgives no window', async strategy => {
    const clock = new JumpingClock(10_000_000)
    const kids = trio(strategy)
    const { root, events } = await grow(kids, { strategy, clock })
    for (const offset of [-1_000, -3_600_000, -9_000_000]) {
      kids[0].lives.at(-1)?.self.fail(new Error('broken'))
      await clock.advance(50)
      clock.offset = offset
      await clock.advance(5_000)
      expect(root.children().map(({ state }) => state)).toEqual(['READY', 'READY', 'READY'])
    }
    const delays = events.flatMap(({ type, delay }) => (type === 'backoff_scheduled' ? [delay] : []))
    expect(delays).toEqual([100, 200, 400])
    expect(root.children()[0]?.window.used).toBe(3)
    kids[0].lives.at(-1)?.self.fail(new Error('once more'))
    await clock.advance(5_000)
    expect(await root.closed).toMatchObject({ error: { code: 'EXO_INTENSITY_EXCEEDED' } })
  })
})
