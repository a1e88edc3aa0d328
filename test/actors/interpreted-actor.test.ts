import { describe, expect, it } from 'vitest'
import { type AnyStateMachine, createMachine, fromCallback, type InspectionEvent, sendTo } from 'xstate'
import { lifecycle } from '../../machines/lifecycle.ts'
import { createInterpretedActor, createMachineActor } from '../../src/actors/create-actor.ts'
import { InterpretedActor } from '../../src/actors/interpreted-actor.ts'
import type { MachineActor } from '../../src/actors/machine-actor.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'

const clock = new VirtualClock()
const input = { name: 'x', kind: 'k', incarnation: 1, attempt: 0 }

/** More than a table can hold: XState runs it. */
const beyond = createMachine({
  id: 'beyond',
  initial: 'on',
  states: { on: { after: { 60000: 'off' }, on: { end: 'off' } }, off: { type: 'final' } },
})

const throwing = createMachine(
  { id: 'throwing', initial: 'on', states: { on: { on: { explode: { actions: 'explode' } } } } },
  {
    actions: {
      explode: () => {
        throw new Error('boom')
      },
    },
  },
)

function spawn(machine: AnyStateMachine, id: string, parent?: MachineActor) {
  const told: string[] = []
  const actor = createMachineActor(machine, {
    id,
    input,
    clock,
    parent,
    listener: {
      changed: value => void told.push(String(value)),
      crashed: () => void told.push('crashed'),
      stopped: () => void told.push('stopped'),
    },
  })
  actor.start()
  return { actor, told }
}

const statusOf = ({ actorRef }: InspectionEvent) =>
  (actorRef as { getSnapshot(): { readonly status: string } }).getSnapshot().status

describe('an actor that XState runs', () => {
  it('takes its family with it when its own parent ends', () => {
    const grandparent = spawn(beyond, 'g')
    const parent = spawn(beyond, 'p', grandparent.actor)
    const child = spawn(lifecycle, 'c', parent.actor)
    grandparent.actor.send({ type: 'end' })
    expect([parent.told.at(-1), child.told.at(-1)]).toEqual(['stopped', 'stopped'])
  })

  it.each([
    [beyond, 'end'],
    [throwing, 'explode'],
  ])('leaves its id to another one when it has ended: case %#', (machine, type) => {
    const parent = spawn(beyond, 'p')
    spawn(machine, 'c', parent.actor).actor.send({ type })
    expect(parent.actor.family.members).toEqual([])
    expect(() => spawn(machine, 'c', parent.actor)).not.toThrow()
  })

  it('hears of the ends of actors that its machine invokes, whether it has a family or not', () => {
    const machine = createMachine({
      id: 'invoking',
      initial: 'waiting',
      states: {
        waiting: {
          invoke: { id: 'job', src: beyond, onDone: 'done' },
          on: { poke: { actions: sendTo('job', { type: 'end' }) } },
        },
        done: {},
      },
    })
    const [alone, withFamily] = [spawn(machine, 'a'), spawn(machine, 'b')]
    spawn(lifecycle, 'c', withFamily.actor)
    for (const { actor } of [alone, withFamily]) actor.send({ type: 'poke' })
    expect([alone.actor.value, withFamily.actor.value]).toEqual(['done', 'done'])
  })

  it('leaves its family alone while it lives, and takes events that name a child', () => {
    const parent = spawn(beyond, 'p')
    const child = spawn(lifecycle, 'c', parent.actor)
    parent.actor.send({ type: 'nothing', actorId: 'c' })
    child.actor.send({ type: 'initialize' })
    expect(child.told.at(-1)).toBe('INITIALIZING')
    parent.actor.send({ type: 'end', actorId: 'c' })
    expect([parent.told.at(-1), child.told.at(-1)]).toEqual(['stopped', 'stopped'])
  })

  it('ends its children from the last one on', () => {
    const parent = spawn(beyond, 'p')
    const ends: string[] = []
    for (const id of ['a', 'b', 'c']) {
      const listener = {
        changed: () => undefined,
        crashed: () => undefined,
        stopped: () => void ends.push(id),
      }
      createMachineActor(lifecycle, { id, input, clock, parent: parent.actor, listener }).start()
    }
    parent.actor.send({ type: 'end' })
    expect(ends).toEqual(['c', 'b', 'a'])
  })

  it('still ends its invoked actors itself', () => {
    let isRunning = false
    const src = fromCallback(() => {
      isRunning = true
      return () => {
        isRunning = false
      }
    })
    const machine = createMachine({
      id: 'invoking',
      initial: 'on',
      states: { on: { invoke: { src }, on: { end: 'off' } }, off: { type: 'final' } },
    })
    const { actor, told } = spawn(machine, 'a')
    expect(isRunning).toBe(true)
    actor.send({ type: 'end' })
    expect([isRunning, told.at(-1)]).toEqual([false, 'stopped'])
  })

  it('cannot be the child of a foreign kind of actor', () => {
    const foreign = { id: 'foreign' } as unknown as MachineActor
    const options = { id: 'a', input, clock, parent: foreign }
    const listener = { changed: () => undefined, crashed: () => undefined, stopped: () => undefined }
    expect(() => createInterpretedActor(beyond, { ...options, listener })).toThrow(
      'actor foreign cannot be run by XState',
    )
  })

  it('has the family that it had on its table, and stops its members as XState actors', () => {
    const root = spawn(lifecycle, 'root')
    const child = spawn(lifecycle, 'child', root.actor)
    const seen = new Map<string, InspectionEvent>()
    root.actor.inspect(event => void seen.set((event.actorRef as { id?: string }).id ?? '', event), String)
    expect(root.actor.family.members.every(member => member instanceof InterpretedActor)).toBe(true)
    root.actor.send({ type: 'close' })
    expect(child.told.at(-1)).toBe('stopped')
    const status = seen.get('child')
    expect(status && statusOf(status)).toBe('stopped')
  })

  it('costs one wrapped machine, however many actors run it', () => {
    const logics = new Set<unknown>()
    for (const id of ['a', 'b']) {
      const { actor } = spawn(beyond, id)
      actor.inspect(({ actorRef }) => void logics.add((actorRef as { logic?: unknown }).logic), String)
    }
    expect(logics.size).toBe(1)
  })
})
