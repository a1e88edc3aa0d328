import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AnyStateMachine, and, assign, createActor, createMachine, type InspectionEvent } from 'xstate'
import { type AnyLifecycleMachine, lifecycle, lifecycleMachine, machines } from '../../machines/index.ts'
import { createInterpretedActor, createMachineActor } from '../../src/actors/create-actor.ts'
import type { ActorFactory, MachineActor, MachineEvent } from '../../src/actors/machine-actor.ts'
import { TableActor } from '../../src/actors/table-actor.ts'
import { transitionTable } from '../../src/actors/transition-table.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'

const input = { name: 'x', kind: 'k', incarnation: 3, attempt: 1 }
const clock = new VirtualClock()

function spawn(machine: AnyStateMachine, factory: ActorFactory = createMachineActor, parent?: MachineActor) {
  const told: string[] = []
  const listener = {
    changed: (value: unknown) => void told.push(JSON.stringify(value)),
    crashed: (error: unknown) => void told.push(`crashed: ${String(error)}`),
    stopped: () => void told.push('stopped'),
  }
  const actor = factory(machine, { id: 'x#1', input, clock, parent, listener })
  actor.start()
  return { actor, told }
}

const eventTypes = (machine: AnyStateMachine) => [...new Set(machine.root.events.concat(nested(machine)))]
const nested = (machine: AnyStateMachine): string[] =>
  Object.values(machine.root.states).flatMap(state => [
    ...state.ownEvents,
    ...Object.values(state.states).flatMap(inner => inner.ownEvents),
  ])

const error = fc.option(fc.record({ code: fc.constant('EXO_INTERNAL'), message: fc.string() }), {
  nil: undefined,
})

/** Any events: those that the machine knows, with any facts, and now and then one that it does not know. */
const script = (machine: AnyStateMachine): fc.Arbitrary<MachineEvent[]> =>
  fc.array(
    fc.record({
      // The ends of a life are rarer, so that the life is longer.
      type: fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(...eventTypes(machine)) },
        { weight: 6, arbitrary: fc.constantFrom('initialize', 'initialized', 'degrade', 'recovered') },
        // The development build of XState, which runs here, throws at this type; the other one ignores it.
        { weight: 1, arbitrary: fc.string().filter(type => type !== '*') },
      ),
      error,
      ok: fc.boolean(),
      count: fc.nat({ max: 3 }),
    }),
    { maxLength: 40 },
  )

/** Any shape of a resource: nested states, counters, guards, resumption. */
const shapes: fc.Arbitrary<AnyLifecycleMachine> = fc
  .record({
    states: fc.integer({ min: 1, max: 4 }),
    guarded: fc.array(
      fc.record({ at: fc.nat({ max: 3 }), to: fc.nat({ max: 3 }), least: fc.nat({ max: 2 }) }),
    ),
    outer: fc.boolean(),
    resumes: fc.boolean(),
    starts: fc.boolean(),
  })
  .map(({ states, guarded, outer, resumes, starts }) => {
    const name = (index: number) => `s${index % states}`
    const steps = (at: number) => [
      ...guarded
        .filter(step => step.at % states === at)
        .map(({ to, least }) => ({ guard: `atLeast${least}`, target: name(to), actions: 'count' })),
      { actions: 'count' },
    ]
    return lifecycleMachine<{ n: number }>({
      id: 'shaped',
      description: 'A shape of chance.',
      facts: { n: 0 },
      working: {
        initial: 's0',
        states: Object.fromEntries(
          Array.from({ length: states }, (_, at) => [
            name(at),
            { description: '', on: { go: steps(at), back: { target: name(at + 1), guard: 'atLeast1' } } },
          ]),
        ),
        ...(outer && { on: { back: { target: '.s0', actions: 'count' }, go: { actions: 'count' } } }),
        ...(resumes && { resume: [{ guard: 'atLeast2', state: name(states - 1) }] }),
      },
      ...(starts && {
        starting: {
          initial: 'early',
          states: { early: { description: '', on: { go: { actions: 'count' } } } },
        },
      }),
      actions: { count: ({ n }) => ({ n: (n + 1) % 4 }) },
      guards: Object.fromEntries(
        [0, 1, 2].map(least => [`atLeast${least}`, ({ n }: { n: number }) => n >= least]),
      ),
    })
  })

/** A life of one machine, which can say what it is: a whole machine does not fit into a message. */
const scripted = (machine: AnyStateMachine) =>
  script(machine).map(events => ({
    machine,
    events,
    [fc.toStringMethod]: () => `${JSON.stringify(machine.config)} ${JSON.stringify(events)}`,
  }))
const ours = fc.constantFrom(...Object.values(machines)).chain(scripted)
const anyMachine = fc.oneof(ours, shapes.chain(scripted))

/** What XState's own actor of the machine comes to, after each event. */
function byXState(machine: AnyStateMachine, events: readonly MachineEvent[]) {
  const actor = createActor(machine, { input })
  // Without a listener XState throws what a machine refuses once more, later, into the process.
  actor.subscribe({ error: () => {} })
  actor.start()
  return [undefined, ...events].map(event => {
    if (event && actor.getSnapshot().status === 'active') actor.send(event)
    const { value, context, status } = actor.getSnapshot()
    return { value, context, done: status === 'done' }
  })
}

/** The snapshot of the XState actor behind an actor, as data. */
function inspected(actor: MachineActor) {
  const seen: InspectionEvent[] = []
  actor.inspect(event => void seen.push(event), String)()
  const ref = seen[0]?.actorRef as ReturnType<typeof createActor> | undefined
  return JSON.parse(JSON.stringify(ref?.getSnapshot()))
}

describe('a machine as a table', () => {
  it('holds each of our machines', () => {
    for (const machine of Object.values(machines)) {
      expect(transitionTable(machine), machine.id).toBeDefined()
      expect(spawn(machine).actor).toBeInstanceOf(TableActor)
    }
  })

  it('comes to the same states and facts as XState, after each of any events, in our machines and in any of their shape', () => {
    fc.assert(
      fc.property(anyMachine, ({ machine, events }) => {
        const { actor, told } = spawn(machine)
        const states = [undefined, ...events].map(event => {
          if (event) actor.send(event)
          const { value, context } = actor
          return { value, context, done: told.at(-1) === 'stopped' }
        })
        expect(states).toEqual(byXState(machine, events))
      }),
      { numRuns: 600 },
    )
  })

  it('can be handed over to XState at any moment, whose snapshot is then the one that it would have itself', () => {
    fc.assert(
      fc.property(anyMachine, fc.nat(), ({ machine, events }, at) => {
        const half = events.slice(0, at % (events.length + 1))
        const [table, xstate] = [spawn(machine), spawn(machine, createInterpretedActor)]
        for (const event of half) for (const { actor } of [table, xstate]) actor.send(event)
        expect(inspected(table.actor)).toEqual(inspected(xstate.actor))
        for (const event of events.slice(half.length))
          for (const { actor } of [table, xstate]) actor.send(event)
        expect(inspected(table.actor)).toEqual(inspected(xstate.actor))
        const ends = [table, xstate].map(({ told }) => told.filter(text => text === 'stopped').length)
        expect(ends[0]).toBe(ends[1])
      }),
      { numRuns: 300 },
    )
  })

  it('lets an observer see the same from the moment on at which it came', () => {
    const brief = (event: InspectionEvent) => `${event.type} ${'event' in event ? event.event.type : ''}`
    fc.assert(
      fc.property(anyMachine, ({ machine, events }) => {
        const [first, second] = [createMachineActor, createInterpretedActor].map(factory => {
          const { actor } = spawn(machine, factory)
          const seen: string[] = []
          actor.send({ type: 'initialize' })
          actor.inspect(event => void seen.push(brief(event)), String)
          for (const event of events) actor.send(event)
          return seen
        })
        expect(first).toEqual(second)
      }),
      { numRuns: 100 },
    )
  })
})

const one = (config: object, implementations: object = {}): AnyStateMachine =>
  createMachine({ id: 'one', initial: 'a', ...config } as never, implementations as never)

describe('a machine that is more than a table', () => {
  const b = {}
  it.each([
    ['parallel states', one({ type: 'parallel', initial: undefined, states: { a: {}, b } })],
    ['a history state', one({ states: { a: { on: { go: 'h' } }, h: { type: 'history' }, b } })],
    ['a delayed transition', one({ states: { a: { after: { 100: 'b' } }, b } })],
    ['an eventless transition', one({ states: { a: { on: { go: 'c' } }, c: { always: 'b' }, b } })],
    ['an invoked actor', one({ states: { a: { on: { go: 'b' } }, b: { invoke: { src: 'work' } } } })],
    ['a wildcard', one({ states: { a: { on: { '*': 'b' } }, b } })],
    ['an entry action', one({ states: { a: { on: { go: 'b' } }, b: { entry: 'x' } } })],
    ['an exit action', one({ states: { a: { exit: 'x', on: { go: 'b' } }, b } })],
    ['an action that is no assign', one({ states: { a: { on: { go: { actions: 'x' } } }, b } })],
    [
      'an action with parameters',
      one({ states: { a: { on: { go: { actions: { type: 'x', params: {} } } } } } }),
    ],
    [
      'a guard made of guards',
      one({ states: { a: { on: { go: { guard: and([() => true]), target: 'b' } } }, b } }),
    ],
    ['a final state inside', one({ states: { a: { initial: 'c', states: { c: { type: 'final' } } } } })],
    ['an output', one({ output: () => 1, states: { a: { on: { go: 'b' } }, b: { type: 'final' } } })],
    ['a made context', one({ context: () => ({}), states: { a: {} } })],
  ])('is run by XState: one with %s', (_, machine) => {
    expect(transitionTable(machine)).toBeUndefined()
    expect(spawn(machine).actor).not.toBeInstanceOf(TableActor)
  })

  const usesSelf = () =>
    one(
      {
        context: { me: '' },
        states: {
          a: { on: { go: 'b', name: { actions: 'name' } } },
          b: { on: { name: { actions: 'name' } } },
        },
      },
      { actions: { name: assign(({ self }) => ({ me: self.id })) } },
    )

  it('is found to be so late, when an assign asks for its actor, and goes on with XState from there', () => {
    const machine = usesSelf()
    const { actor } = spawn(machine)
    expect(actor).toBeInstanceOf(TableActor)
    actor.send({ type: 'go' })
    actor.send({ type: 'name' })
    expect([actor.value, actor.context]).toEqual(['b', { me: 'x#1' }])
    expect(spawn(machine).actor).not.toBeInstanceOf(TableActor)
  })

  it('may have a parent on a table, which XState runs from then on, and ends with it', () => {
    const timers = clock.pending
    const parent = spawn(lifecycle)
    const table = spawn(
      lifecycle,
      (made, options) => createMachineActor(made, { ...options, id: 'y' }),
      parent.actor,
    )
    const machine = one({ states: { a: { after: { 100: 'b' } }, b } })
    const child = spawn(machine, createMachineActor, parent.actor)
    expect(parent.actor.family.members.map(({ id }) => id)).toEqual(['y', 'x#1'])
    parent.actor.send({ type: 'close' })
    expect([table, child, parent].map(({ told }) => told.at(-1))).toEqual(['stopped', 'stopped', 'stopped'])
    expect(clock.pending).toBe(timers)
  })
})

describe('an actor on a table', () => {
  const faulty = one(
    { states: { a: { on: { act: { actions: 'boom' }, ask: { guard: 'boom', target: 'b' } } }, b: {} } },
    {
      actions: {
        boom: assign(() => {
          throw new Error('boom')
        }),
      },
      guards: {
        boom: () => {
          throw new Error('boom')
        },
      },
    },
  )

  it.each(['act', 'ask'])('is gone when its machine throws, with the children that it had: at %s', type => {
    const { actor, told } = spawn(faulty)
    const child = spawn(lifecycle, createMachineActor, actor)
    actor.send({ type })
    actor.send({ type })
    expect(told).toEqual(['"a"', expect.stringMatching(/^crashed: .*boom/s)])
    expect(child.told.at(-1)).toBe('stopped')
  })

  it('reports at its start what its machine threw when the facts were made', () => {
    const machine = one(
      { context: {}, entry: 'boom', states: { a: {} } },
      { actions: faulty.implementations.actions },
    )
    expect(spawn(machine).told).toEqual(['crashed: Error: boom'])
    expect(spawn(machine, createInterpretedActor).told).toEqual(['crashed: Error: boom'])
  })

  it('takes what its listener sends it after the event that it is taking', () => {
    const order = (factory: ActorFactory) => {
      const told: string[] = []
      const actor = factory(lifecycle, {
        id: 'a',
        input,
        clock,
        listener: {
          changed: value => {
            told.push(`${String(value)} begins`)
            if (value === 'INITIALIZING') {
              actor.send({ type: 'fail' })
              actor.send({ type: 'close' })
            }
            told.push(`${String(value)} ends`)
          },
          crashed: () => undefined,
          stopped: () => undefined,
        },
      })
      actor.start()
      actor.send({ type: 'initialize' })
      return told
    }
    expect(order(createMachineActor)).toEqual(order(createInterpretedActor))
    expect(order(createMachineActor).slice(-3)).toEqual(['ERROR ends', 'CLOSING begins', 'CLOSING ends'])
  })

  it('that is observed in the middle of an event takes what waits after that event', () => {
    const told: string[] = []
    const actor = createMachineActor(lifecycle, {
      id: 'a',
      input,
      clock,
      listener: {
        changed: value => {
          if (told.at(-1) === value) return
          told.push(String(value))
          if (value !== 'INITIALIZING') return
          actor.send({ type: 'fail' })
          actor.inspect(() => undefined, String)
          told.push('observed')
        },
        crashed: () => undefined,
        stopped: () => void told.push('stopped'),
      },
    })
    actor.start()
    actor.send({ type: 'initialize' })
    actor.send({ type: 'close' })
    actor.send({ type: 'closed' })
    expect(told).toEqual([
      'UNINITIALIZED',
      'INITIALIZING',
      'observed',
      'ERROR',
      'CLOSING',
      'CLOSED',
      'stopped',
    ])
  })
})
