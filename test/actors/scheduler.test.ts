import { describe, expect, it } from 'vitest'
import { createMachine, raise } from 'xstate'
import { createMachineActor } from '../../src/actors/create-actor.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'

const waiting = createMachine(
  {
    id: 'waiting',
    initial: 'waiting',
    states: {
      waiting: { after: { long: 'over' }, on: { end: 'over', leave: 'idle' } },
      idle: {},
      over: { type: 'final' },
    },
  },
  { delays: { long: 1_000 } },
)
const parent = createMachine({
  id: 'parent',
  initial: 'on',
  states: { on: { on: { end: 'off' } }, off: { type: 'final' } },
})
const listener = { changed: () => undefined, crashed: () => undefined, stopped: () => undefined }

function tree(timers: number) {
  const clock = new VirtualClock()
  const root = createMachineActor(parent, { id: 'root', input: {}, clock, listener })
  root.start()
  const spawn = (id: string) => {
    const actor = createMachineActor(waiting, { id, input: {}, clock, parent: root, listener })
    actor.start()
    return actor
  }
  const actors = Array.from({ length: timers }, (_, index) => spawn(`t${index}`))
  return { clock, spawn, actors, root }
}

describe('the scheduler', () => {
  it('fires delayed transitions, and forgets them when their state or their actor ends', async () => {
    const { clock, actors } = tree(3)
    actors[0]?.send({ type: 'leave' })
    actors[1]?.send({ type: 'end' })
    expect(clock.pending).toBe(1)
    await clock.advance(1_000)
    expect(actors.map(actor => actor.value)).toEqual(['idle', 'over', 'over'])
    expect(clock.pending).toBe(0)
  })

  it('forgets the delayed transitions of actors that are stopped from outside', () => {
    const { clock, root } = tree(3)
    root.send({ type: 'end' })
    expect(clock.pending).toBe(0)
  })

  it('tells delayed events apart that have no name of their own', async () => {
    const machine = createMachine({
      id: 'unnamed',
      initial: 'a',
      entry: [raise({ type: 'first' }, { delay: 100 }), raise({ type: 'second' }, { delay: 200 })],
      states: { a: { on: { first: 'b' } }, b: { on: { second: 'c' } }, c: { on: { end: 'd' } }, d: {} },
    })
    const clock = new VirtualClock()
    const actor = createMachineActor(machine, { id: 'x', input: {}, clock, listener })
    actor.start()
    await clock.advance(100)
    expect([actor.value, clock.pending]).toEqual(['b', 1])
    await clock.advance(100)
    expect([actor.value, clock.pending]).toEqual(['c', 0])
  })

  it('lets an actor end as cheaply among 10,000 waiting timers as among 100', () => {
    const cost = ({ spawn }: ReturnType<typeof tree>, round: number): number => {
      const actors = Array.from({ length: 100 }, (_, index) => spawn(`x${round}.${index}`))
      const before = process.cpuUsage()
      for (const actor of actors) actor.send({ type: 'end' })
      const { user, system } = process.cpuUsage(before)
      return user + system
    }
    const [few, many] = [tree(100), tree(10_000)]
    const rounds = Array.from({ length: 12 }, (_, round) => [cost(few, round), cost(many, round)] as const)
    const best = (side: 0 | 1) => Math.min(...rounds.map(pair => pair[side]))
    // XState alone: a ratio of about 100.
    expect(best(1) / Math.max(best(0), 500)).toBeLessThan(3)
  })
})
