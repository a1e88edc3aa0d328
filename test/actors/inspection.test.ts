import { describe, expect, it } from 'vitest'
import { createMachine, type InspectionEvent } from 'xstate'
import { lifecycle } from '../../machines/lifecycle.ts'
import { createMachineActor } from '../../src/actors/create-actor.ts'
import type { MachineActor } from '../../src/actors/machine-actor.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'

const input = { name: 'x', kind: 'k', incarnation: 1, attempt: 0 }
const listener = { changed: () => undefined, crashed: () => undefined, stopped: () => undefined }
const clock = new VirtualClock()

function spawn(id: string, parent?: MachineActor, machine = lifecycle) {
  const actor = createMachineActor(machine, { id, input, clock, parent, listener })
  actor.start()
  return actor
}

const brief = (event: InspectionEvent) => {
  const { id } = event.actorRef as { id?: string }
  return 'event' in event ? `${event.type} ${id} ${event.event.type}` : `${event.type} ${id}`
}

describe('an inspection observer', () => {
  it('that comes late is told of every living actor first, then of what happens', () => {
    const root = spawn('root')
    const child = spawn('child', root)
    spawn('gone', root).send({ type: 'close' })
    const seen: string[] = []
    root.inspect(
      event => void seen.push(brief(event)),
      () => undefined,
    )
    expect(seen).toEqual([
      '@xstate.actor root',
      '@xstate.snapshot root xstate.init',
      '@xstate.actor child',
      '@xstate.snapshot child xstate.init',
    ])
    child.send({ type: 'initialize' })
    expect(seen).toContain('@xstate.snapshot child initialize')
  })

  it('sees nothing any more once it is detached', () => {
    const root = spawn('root')
    const seen: string[] = []
    const detach = root.inspect({ next: event => void seen.push(event.type) }, () => undefined)
    const before = seen.length
    expect([before, root.isObserved]).toEqual([2, true])
    detach()
    expect(root.isObserved).toBe(false)
    root.send({ type: 'initialize' })
    expect(seen).toHaveLength(before)
  })

  it('may be one that wants to hear nothing', () => {
    const root = spawn('root')
    const faults: unknown[] = []
    root.inspect({}, error => void faults.push(error))
    root.send({ type: 'initialize' })
    expect(faults).toEqual([])
  })

  it('that throws harms neither actors nor other observers', () => {
    const root = spawn('root')
    const faults: unknown[] = []
    const seen: string[] = []
    root.inspect(
      () => {
        throw new Error('bad observer')
      },
      error => void faults.push(error),
    )
    root.inspect(
      event => void seen.push(event.type),
      () => undefined,
    )
    root.send({ type: 'initialize' })
    expect(root.value).toBe('INITIALIZING')
    expect(seen).toContain('@xstate.microstep')
    expect(faults.length).toBeGreaterThan(3)
  })

  it('sees that an actor failed by a throw, of which XState tells nothing', () => {
    const machine = createMachine(
      { id: 'bad', on: { explode: { actions: 'explode' } } },
      {
        actions: {
          explode: () => {
            throw new Error('boom')
          },
        },
      },
    )
    const root = spawn('root')
    const seen: InspectionEvent[] = []
    root.inspect(
      event => void seen.push(event),
      () => undefined,
    )
    spawn('bad', root, machine).send({ type: 'explode' })
    expect(seen).toContainEqual(
      expect.objectContaining({
        type: '@xstate.snapshot',
        event: { type: 'xstate.error' },
        snapshot: expect.objectContaining({ status: 'error' }),
      }),
    )
  })
})
