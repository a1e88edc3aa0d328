import { describe, expect, it } from 'vitest'
import { type AnyLifecycleMachine, lifecycle } from '../../machines/lifecycle.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createResource } from '../../src/resources/create.ts'
import type { ResourceLog } from '../../src/resources/types.ts'
import type { SuperviseOptions } from '../../src/supervision/types.ts'
import { scripted } from '../resources/scripted.ts'
import { leakCheck } from './leaks.ts'
import { calm, kid } from './tree.ts'

const { grow } = leakCheck()

class Hostile extends Error {
  override get message(): string {
    throw new Error('message')
  }
  override get name(): string {
    throw new Error('name')
  }
  override get stack(): string {
    throw new Error('stack')
  }
  override get cause(): unknown {
    throw new Error('cause')
  }
  get code(): string {
    throw new Error('code')
  }
  override toString(): string {
    throw new Error('text')
  }
}

const trap = (): never => {
  throw new Error('trap')
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function cyclic(): Error {
  const error = new Error('its own cause')
  error.cause = error
  return error
}

const thrown: readonly (readonly [string, unknown])[] = [
  ['nothing', undefined],
  ['null', null],
  ['a symbol', Symbol('s')],
  ['an object without a prototype', Object.create(null)],
  ['an error that is its own cause', cyclic()],
  ['an error whose getters throw', new Hostile()],
  ['a proxy whose traps throw', new Proxy({}, { get: trap, has: trap, getPrototypeOf: trap, ownKeys: trap })],
  ['a revoked proxy', revoked()],
]

const brokenLog: ResourceLog = { debug: trap, info: trap, warn: trap, error: trap, isLevelEnabled: trap }

describe('whatever is thrown', () => {
  it.each(thrown)(
    '%s, by every effect and listener of a child, is a failure like any other',
    async (_, error) => {
      const raise = () => {
        throw error
      }
      const child = kid('a', { check: async () => raise(), recover: async () => raise(), receive: raise })
      const resource = {
        ...child.definition,
        async cleanup(...[client, context]: Parameters<NonNullable<typeof child.definition.cleanup>>) {
          await child.definition.cleanup?.(client, context)
          raise()
        },
      }
      const spec = { ...child.spec, resource: resource as never }
      const { root, clock } = await grow([{ ...child, spec }], { onEvent: raise })
      const ref = root.ref('a')
      ref.subscribe(raise)
      ref.trace(raise)
      ref.monitor(raise, { of: 'incarnation' })
      ref.tell('x' as never)
      ref.degrade(error)
      await clock.settle()
      expect(ref.state).toBe('DEGRADED')
      ref.fail(error)
      await clock.advance(150)
      expect([ref.state, ref.incarnation]).toEqual(['READY', 2])
    },
  )

  it.each(thrown)('%s, by a start, is retried, and the child comes back when it can', async (_, error) => {
    const child = kid('a')
    let isBroken = false
    const initialize: typeof child.definition.initialize = context => {
      const client = child.definition.initialize(context)
      if (isBroken) throw error
      return client
    }
    const spec = { ...child.spec, resource: { ...child.definition, initialize } as never }
    const { root, clock } = await grow([{ ...child, spec }])
    isBroken = true
    child.lives[0]?.self.fail(error)
    await clock.advance(150)
    isBroken = false
    await clock.advance(1_000)
    expect(root.ref('a').state).toBe('READY')
  })
})

describe('a log that throws', () => {
  it('loses its lines and nothing else', async () => {
    const child = kid('a', { receive: trap })
    const { root, clock } = await grow([child], { log: brokenLog, onEvent: trap })
    root.ref('a').tell('x' as never)
    child.lives[0]?.self.fail(new Error('broken'))
    await clock.advance(150)
    expect(root.ref('a').incarnation).toBe(2)
  })

  it('does not keep a resource from being closed', async () => {
    const clock = new VirtualClock()
    const definition = { ...scripted().definition, cleanup: async () => trap() }
    const resource = createResource(definition, { input: {}, clock, log: brokenLog })
    await resource.initialize()
    await resource.close()
    expect([resource.state, clock.pending]).toEqual(['CLOSED', 0])
  })
})

describe('a machine that throws', () => {
  /** A child whose machine works for the first incarnation only. */
  function breaking(machineOf: (isFirst: boolean) => AnyLifecycleMachine) {
    const child = kid('a')
    const resource = { ...child.definition }
    Object.defineProperty(resource, 'machine', { get: () => machineOf(child.lives.length === 0) })
    return { ...child, spec: { ...child.spec, resource: resource as never } }
  }

  it('when an actor of it is made spends the intensity, as any failed start does', async () => {
    const child = breaking(isFirst => (isFirst ? lifecycle : (undefined as never)))
    const { root, clock, story } = await grow([child])
    child.lives[0]?.self.fail(new Error('broken'))
    await clock.advance(10_000)
    expect(story().slice(-3)).toEqual(['start_error a#4', 'child_terminated a#4', 'gave_up a#4'])
    expect(await root.closed).toMatchObject({ reason: 'failed', error: { code: 'EXO_INTENSITY_EXCEEDED' } })
  })

  it('at its first step gives its place among those that start back', async () => {
    let isBroken = false
    const machine = lifecycle.provide({
      actions: {
        introduce: () => {
          if (isBroken) throw new Error('machine')
        },
      },
    }) as unknown as AnyLifecycleMachine
    const first = breaking(() => machine)
    const second = kid('b')
    const options: Partial<SuperviseOptions> = { concurrentStarts: 1, policies: { default: calm } }
    const { root, clock, story } = await grow([first, second], options)
    isBroken = true
    first.lives[0]?.self.fail(new Error('broken'))
    await clock.advance(150)
    expect(story()).toContain('start_error a#2')
    isBroken = false
    second.lives[0]?.self.fail(new Error('broken'))
    await clock.advance(1_000)
    expect(root.children().map(({ state }) => state)).toEqual(['READY', 'READY'])
  })
})
