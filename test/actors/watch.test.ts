import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { machines } from '../../machines/index.ts'
import { createInterpretedActor, createMachineActor } from '../../src/actors/create-actor.ts'
import type { ActorFactory } from '../../src/actors/machine-actor.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'

const input = { name: 'x', kind: 'k', incarnation: 1, attempt: 0 }

function watched(create: ActorFactory, name = 'lifecycle') {
  const told: unknown[] = []
  const actor = create(machines[name] as never, {
    id: 'x#1',
    input,
    clock: new VirtualClock(),
    listener: {
      changed: value => void told.push(value),
      crashed: error => void told.push(error),
      stopped: () => undefined,
    },
  })
  const watch = () => actor.watch((event, from, to) => void told.push([event, from, to]))
  return { actor, told, watch }
}

/** Whatever may happen to a machine: every event that any of them knows. */
const known = [
  ...new Set(
    Object.values(machines).flatMap(machine => machine.events.filter(type => !type.startsWith('xstate.'))),
  ),
]
const events = fc.array(fc.constantFrom(...known).map(type => ({ type, error: { code: 'X', message: 'x' } })))

describe.each([
  ['that walks its table', createMachineActor],
  ['that XState runs', createInterpretedActor],
])('a watched actor %s', (_, create) => {
  it('tells of each transition before its listener hears of the state, and of no event that it did not take', () => {
    const { actor, told, watch } = watched(create)
    actor.start()
    told.length = 0
    watch()
    actor.send({ type: 'initialize' })
    actor.send({ type: 'recovered' })
    const transition = ['initialize', 'UNINITIALIZED', 'INITIALIZING']
    expect(told.slice(0, 2)).toEqual([transition, 'INITIALIZING'])
    expect(told.filter(Array.isArray)).toEqual([transition])
  })

  it('tells nothing more when nobody watches it any more', () => {
    const { actor, told, watch } = watched(create)
    const leave = watch()
    actor.start()
    leave()
    actor.send({ type: 'initialize' })
    expect(told.filter(Array.isArray)).toEqual([])
  })
})

describe('a watched actor', () => {
  it('tells the same whoever runs its machine, also when XState takes over in between', () => {
    const all = fc.record({ name: fc.constantFrom(...Object.keys(machines)), events, at: fc.nat() })
    fc.assert(
      fc.property(all, ({ name, events, at }) => {
        const [table, xstate, handed] = [createMachineActor, createInterpretedActor, createMachineActor].map(
          create => watched(create, name),
        )
        const half = at % (events.length + 1)
        for (const { actor, watch } of [table, xstate, handed] as ReturnType<typeof watched>[]) {
          watch()
          actor.start()
        }
        for (const [index, event] of events.entries()) {
          if (index === half)
            handed?.actor.inspect(
              () => undefined,
              () => undefined,
            )
          for (const one of [table, xstate, handed]) one?.actor.send(event)
        }
        const transitions = (one: typeof table) => one?.told.filter(Array.isArray)
        expect(transitions(table)).toEqual(transitions(xstate))
        expect(transitions(handed)).toEqual(transitions(xstate))
      }),
      { numRuns: 300 },
    )
  })
})
