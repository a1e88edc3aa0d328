import { describe, expect, it } from 'vitest'
import { createInterpretedActor, createMachineActor } from '../../src/actors/create-actor.ts'
import type { ActorFactory } from '../../src/actors/machine-actor.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createResource } from '../../src/resources/create.ts'
import { scripted } from './scripted.ts'

describe('the actor under a resource', () => {
  it.each([
    ['a table', createMachineActor],
    ['XState', createInterpretedActor],
  ] satisfies [string, ActorFactory][])(
    'may be made by whoever creates the resource: %s',
    async (_, factory) => {
      const made: string[] = []
      const states: string[] = []
      const { definition } = scripted()
      const resource = createResource(definition, {
        name: 'a',
        input: {},
        clock: new VirtualClock(),
        createActor: (machine, options) => {
          made.push(options.id)
          return factory(machine, options)
        },
      })
      resource.subscribe(({ state }) => void states.push(state))
      await resource.initialize()
      resource.degrade('slow')
      resource.fail(new Error('lost'))
      await resource.close()
      expect(made).toEqual(['a#1'])
      expect(states).toEqual(['INITIALIZING', 'READY', 'DEGRADED', 'ERROR', 'CLOSING', 'CLOSED'])
    },
  )
})
