import { describe, expect, it } from 'vitest'
import { setup } from 'xstate'
import { lifecycle, lifecycleMachine } from '../../machines/index.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createResource } from '../../src/resources/create.ts'
import { defineResource } from '../../src/resources/define.ts'
import { scripted } from './scripted.ts'

async function ready(changes: Parameters<typeof scripted>[0], options = {}, machine = lifecycle) {
  const clock = new VirtualClock()
  const logged: string[] = []
  const note = (_: object, message: string) => void logged.push(message)
  const made = scripted(changes, machine)
  const log = { debug: note, info: note, warn: note, error: note }
  const resource = createResource(made.definition, { name: 'a', input: {}, clock, log, ...options })
  await resource.initialize()
  const life = made.lives[0]!
  return { clock, resource, life, logged, ...made }
}

describe('cleaning up', () => {
  it('is awaited, and runs once however often the resource is closed', async () => {
    const { resource, life, clock } = await ready({ cleanup: 'wait' })
    const closing = [resource.close('first'), resource.close('second')]
    await clock.settle()
    expect(resource.state).toBe('CLOSING')
    life.cleaned.resolve()
    await Promise.all([...closing, resource.close('third')])
    expect(resource.state).toBe('CLOSED')
    expect(life.cleanups).toMatchObject([{ client: life.client, reason: 'first' }])
  })

  it('that takes too long is left behind: its signal is aborted and the resource is CLOSED', async () => {
    const { resource, life, clock, logged } = await ready({ cleanup: 'wait' }, { shutdown: 2_000 })
    const closing = resource.close()
    await clock.advance(1_999)
    expect(resource.state).toBe('CLOSING')
    expect(life.cleanups[0]?.signal.aborted).toBe(false)
    await clock.advance(1)
    await closing
    expect(life.cleanups[0]?.signal.reason).toMatchObject({ code: 'EXO_SHUTDOWN_TIMEOUT' })
    expect(logged).toContain('scripted "a" did not finish its cleanup within 2000 ms')
  })

  it('told to kill gets an aborted signal from the start and one second', async () => {
    const { resource, life, clock } = await ready({ cleanup: 'wait' }, { shutdown: 'kill' })
    const closing = resource.close()
    await clock.settle()
    expect(life.cleanups[0]?.signal.aborted).toBe(true)
    await clock.advance(1_000)
    await closing
    expect(resource.state).toBe('CLOSED')
  })

  it('without a limit is waited for as long as it takes', async () => {
    const { resource, life, clock } = await ready({ cleanup: 'wait' }, { shutdown: 'infinity' })
    const closing = resource.close()
    await clock.advance(10 ** 9)
    expect(resource.state).toBe('CLOSING')
    life.cleaned.resolve()
    await closing
  })

  it('that throws is reported and does not keep the resource from being CLOSED', async () => {
    const { resource, life, logged } = await ready({ cleanup: 'wait' })
    const closing = resource.close()
    life.cleaned.reject(new Error('disk full'))
    await closing
    expect(resource.state).toBe('CLOSED')
    expect(logged).toContain('the cleanup of scripted "a" failed: disk full')
  })

  it('is not run for a resource that never began', async () => {
    const { definition, lives } = scripted()
    const resource = createResource(definition, { input: {}, clock: new VirtualClock() })
    await resource.close()
    expect(resource.state).toBe('CLOSED')
    expect(lives).toEqual([])
  })

  it('is what await using does', async () => {
    const { definition, lives } = scripted()
    {
      await using resource = createResource(definition, { input: {}, clock: new VirtualClock() })
      await resource.initialize()
    }
    expect(lives[0]?.cleanups).toHaveLength(1)
  })

  it('may be left out', async () => {
    const definition = defineResource<object, number>({
      kind: 'bare',
      machine: lifecycle,
      initialize: async () => 1,
    })
    const resource = createResource(definition, { input: {}, clock: new VirtualClock() })
    expect(await resource.initialize()).toBe(1)
    await resource.close()
    expect(resource.state).toBe('CLOSED')
  })
})

describe('a machine that throws', () => {
  const throwing = lifecycleMachine({
    id: 'throwing',
    description: 'A machine with a fault in one of its actions.',
    facts: {},
    working: {
      initial: 'calm',
      states: {
        calm: { description: 'Nothing has happened.', on: { 'call.started': { actions: 'explode' } } },
      },
    },
    actions: {
      explode: () => {
        throw new Error('bad action')
      },
    },
  })

  it('takes its resource to ERROR, from where it is closed like any other', async () => {
    const { resource, life } = await ready({}, {}, throwing)
    life.self.send({ type: 'call.started' })
    expect(resource.state).toBe('ERROR')
    expect(resource.lastError).toMatchObject({ message: 'scripted "a" has a machine that threw: bad action' })
    await resource.close()
    expect(resource.state).toBe('CLOSED')
    expect(life.cleanups).toMatchObject([{ client: life.client }])
  })

  it('at its very end still leaves the resource CLOSED', async () => {
    const states = lifecycle.config.states as Record<string, object>
    const faulty = setup({
      actions: {
        explode: () => {
          throw new Error('bad exit')
        },
      },
    }).createMachine({
      ...(lifecycle.config as object),
      states: { ...states, CLOSING: { ...states['CLOSING'], exit: 'explode' } },
    } as never)
    const { resource, life } = await ready({}, {}, faulty as never)
    await resource.close()
    expect(resource.state).toBe('CLOSED')
    expect(life.cleanups).toHaveLength(1)
  })
})
