import { describe, expect, it } from 'vitest'
import { createMachine } from 'xstate'
import { lifecycle } from '../../machines/lifecycle.ts'
import { createMachineActor } from '../../src/actors/create-actor.ts'
import type { MachineActor } from '../../src/actors/machine-actor.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'

const input = { name: 'x', kind: 'k', incarnation: 1, attempt: 0 }

const parentMachine = createMachine(
  {
    id: 'parent',
    initial: 'on',
    states: {
      on: { on: { end: 'off', explode: { actions: 'explode' }, seen: { actions: 'see' } } },
      off: { type: 'final' },
    },
  },
  {
    actions: {
      explode: () => {
        throw new Error('bad parent')
      },
    },
  },
)

function spawn(id: string, parent?: MachineActor, machine = lifecycle) {
  const told: string[] = []
  const actor = createMachineActor(machine, {
    id,
    input,
    clock: new VirtualClock(),
    parent,
    listener: {
      changed: value => void told.push(JSON.stringify(value)),
      crashed: error => void told.push(`crashed: ${String(error)}`),
      stopped: () => void told.push('stopped'),
    },
  })
  actor.start()
  return { actor, told }
}

describe('the children of an actor', () => {
  it('are stopped when it reaches its end', () => {
    const parent = spawn('p', undefined, parentMachine)
    const children = [spawn('a#1', parent.actor), spawn('b#1', parent.actor)]
    parent.actor.send({ type: 'end' })
    expect(children.map(({ told }) => told.at(-1))).toEqual(['stopped', 'stopped'])
  })

  it('are stopped when it throws, which XState would not do', () => {
    const parent = spawn('p', undefined, parentMachine)
    const child = spawn('a#1', parent.actor)
    const grandchild = spawn('b#1', child.actor)
    parent.actor.send({ type: 'explode' })
    expect(parent.told.at(-1)).toBe('crashed: Error: bad parent')
    expect([child.told.at(-1), grandchild.told.at(-1)]).toEqual(['stopped', 'stopped'])
  })

  it('may throw without harm to it or to their brothers and sisters', () => {
    const parent = spawn('p', undefined, parentMachine)
    const child = spawn('a#1', parent.actor, parentMachine)
    const sister = spawn('b#1', parent.actor)
    child.actor.send({ type: 'explode' })
    expect(child.told.at(-1)).toBe('crashed: Error: bad parent')
    sister.actor.send({ type: 'initialize' })
    expect(sister.told.at(-1)).toBe('"INITIALIZING"')
    expect(new Set(parent.told)).toEqual(new Set(['"on"']))
  })

  it('cannot have the id of one that lives, but that of one that has ended', () => {
    const parent = spawn('p', undefined, parentMachine)
    const child = spawn('a#1', parent.actor)
    expect(() => spawn('a#1', parent.actor)).toThrow('actor p has a living child a#1 already')
    child.actor.send({ type: 'close' })
    expect(() => spawn('a#1', parent.actor)).not.toThrow()
  })

  it('take no events after their end, and the sender takes no harm', () => {
    const { actor, told } = spawn('a')
    actor.send({ type: 'close' })
    const before = told.length
    actor.send({ type: 'initialize' })
    expect(told).toHaveLength(before)
    expect(actor.value).toBe('CLOSED')
  })
})
