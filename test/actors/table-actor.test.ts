import { describe, expect, it } from 'vitest'
import { type AnyStateMachine, assign, createMachine } from 'xstate'
import { lifecycle } from '../../machines/lifecycle.ts'
import { createMachineActor } from '../../src/actors/create-actor.ts'
import { InterpretedActor } from '../../src/actors/interpreted-actor.ts'
import type { MachineActor } from '../../src/actors/machine-actor.ts'
import { TableActor } from '../../src/actors/table-actor.ts'
import { transitionTable } from '../../src/actors/transition-table.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'

const clock = new VirtualClock()
const input = { name: 'x', kind: 'k', incarnation: 1, attempt: 0 }

function make(
  machine: AnyStateMachine,
  id: string,
  {
    parent,
    from,
    changed,
  }: {
    parent?: MachineActor
    from?: { value: unknown; context: unknown }
    changed?: (value: unknown) => void
  } = {},
) {
  const told: string[] = []
  const actor = createMachineActor(machine, {
    id,
    input,
    clock,
    parent,
    from,
    listener: {
      changed: value => {
        told.push(JSON.stringify(value))
        changed?.(value)
      },
      crashed: error => void told.push(`crashed: ${String(error)}`),
      stopped: () => void told.push('stopped'),
    },
  })
  return { actor, told }
}

const two = (config: object = {}, implementations: object = {}): AnyStateMachine =>
  createMachine(
    { id: 'two', initial: 'a', states: { a: { on: { go: 'b' } }, b: {} }, ...config } as never,
    implementations as never,
  )

describe('an actor on a table that its parent ends', () => {
  it('before it was started tells nothing, also when it is started after that', () => {
    const parent = make(lifecycle, 'p')
    parent.actor.start()
    const child = make(two(), 'c', { parent: parent.actor })
    parent.actor.send({ type: 'close' })
    child.actor.start()
    child.actor.send({ type: 'go' })
    expect(child.told).toEqual([])
  })

  it('in the middle of an event finishes that event and takes no other one', () => {
    const parent = make(lifecycle, 'p')
    parent.actor.start()
    const child = make(two(), 'c', {
      parent: parent.actor,
      changed: value => {
        if (value !== 'b') return
        child.actor.send({ type: 'go' })
        parent.actor.send({ type: 'close' })
        child.told.push('still here')
      },
    })
    const grandchild = make(two(), 'g', { parent: child.actor })
    child.actor.start()
    grandchild.actor.start()
    child.actor.send({ type: 'go' })
    expect(child.told).toEqual(['"a"', '"b"', 'still here', 'stopped'])
    expect(grandchild.told).toEqual(['"a"', 'stopped'])
    child.actor.send({ type: 'go' })
    expect(child.told).toHaveLength(4)
  })
})

describe('an actor on a table', () => {
  it('keeps what comes before its start, and takes it in order after it', () => {
    const { actor, told } = make(
      two({ states: { a: { on: { go: 'b' } }, b: { on: { on: 'c' } }, c: {} } }),
      'x',
    )
    actor.send({ type: 'go' })
    actor.send({ type: 'on' })
    expect(told).toEqual([])
    actor.start()
    actor.start()
    expect(told).toEqual(['"a"', '"b"', '"c"'])
  })

  it('goes on after a fault of its listener, which is thrown later, outside', () => {
    const thrown: (() => void)[] = []
    const { queueMicrotask: original } = globalThis
    globalThis.queueMicrotask = task => void thrown.push(task)
    try {
      const { actor, told } = make(two(), 'x', {
        changed: () => {
          throw new Error('bad listener')
        },
      })
      actor.start()
      actor.send({ type: 'go' })
      expect(told).toEqual(['"a"', '"b"'])
    } finally {
      globalThis.queueMicrotask = original
    }
    expect(thrown).toHaveLength(2)
    for (const task of thrown) expect(task).toThrow('bad listener')
  })

  it('begins where it is told to, with those facts', () => {
    const machine = two({ context: { n: 0 } })
    const { actor, told } = make(machine, 'x', { from: { value: 'b', context: { n: 7 } } })
    actor.start()
    expect([actor.value, actor.context, told]).toEqual(['b', { n: 7 }, ['"b"']])
  })

  it('is told apart from a brother by its id, and the machine is on its table all the same', () => {
    const machine = two()
    const parent = make(lifecycle, 'p')
    make(machine, 'c', { parent: parent.actor })
    expect(() => make(machine, 'c', { parent: parent.actor })).toThrow('actor p has a living child c already')
    expect(transitionTable(machine)).toBeDefined()
    expect(make(machine, 'd', { parent: parent.actor }).actor).toBeInstanceOf(TableActor)
  })

  it('takes an assign that is given as one value or one function for each fact', () => {
    const machine = two(
      { context: { n: 1, word: '' }, states: { a: { on: { go: { actions: 'set' } } } } },
      { actions: { set: assign({ n: ({ context }) => context['n'] + 1, word: 'said' }) } },
    )
    const { actor } = make(machine, 'x')
    actor.start()
    actor.send({ type: 'go' })
    actor.send({ type: 'go' })
    expect(actor).toBeInstanceOf(TableActor)
    expect(actor.context).toEqual({ n: 3, word: 'said' })
  })

  it('takes an assign and a guard that are written in place', () => {
    const machine = two({
      context: { n: 0 },
      states: {
        a: {
          on: {
            go: { actions: assign(({ context }) => ({ n: context['n'] + 1 })) },
            on: { guard: ({ context }: { context: { n: number } }) => context['n'] > 1, target: 'b' },
          },
        },
        b: {},
      },
    })
    const { actor } = make(machine, 'x')
    actor.start()
    expect(actor).toBeInstanceOf(TableActor)
    const values = ['go', 'on', 'go', 'on'].map(type => {
      actor.send({ type })
      return actor.value
    })
    expect(values).toEqual(['a', 'a', 'a', 'b'])
  })

  it.each([
    ['self', assign(({ self }) => ({ seen: self.id }))],
    ['system', assign(({ system }) => ({ seen: typeof system.get }))],
    ['spawn', assign(({ spawn }) => ({ seen: typeof spawn }))],
  ])('leaves its machine to XState when its facts are made of %s, and all later actors too', (_, seen) => {
    const machine = two({ context: { seen: '' }, entry: 'see' }, { actions: { see: seen } })
    const actors = ['x', 'y'].map(id => make(machine, id).actor)
    for (const actor of actors) actor.start()
    expect(actors.every(actor => actor instanceof InterpretedActor)).toBe(true)
    expect(actors[0]?.context).toEqual({ seen: expect.stringMatching(/^(x|function)$/) })
    expect(transitionTable(machine)).toBeUndefined()
  })
})
