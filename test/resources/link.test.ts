import { describe, expect, it } from 'vitest'
import { TurnScheduler } from '../../src/concurrency/scheduler.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createResource } from '../../src/resources/create.ts'
import { link } from '../../src/resources/link.ts'
import type { Down } from '../../src/resources/monitor.ts'
import { grow, kid } from '../supervision/tree.ts'
import { scripted } from './scripted.ts'

async function make(names: readonly string[]) {
  const clock = new VirtualClock()
  const scheduler = new TurnScheduler(clock)
  const resources = await Promise.all(
    names.map(async name => {
      const resource = createResource(scripted().definition, { name, input: {}, clock, scheduler })
      await resource.initialize()
      return resource
    }),
  )
  return { clock, resources, states: () => resources.map(({ state }) => state) }
}

type Pair = Awaited<ReturnType<typeof make>>['resources']

/** A ref whose ends the test tells when it likes, as a scheduler in another order would. */
function stub(name: string, incarnation = 1) {
  const notices: ((down: Down) => void)[] = []
  const failures: unknown[] = []
  return {
    kind: 'stub',
    name,
    incarnation,
    failures,
    notices,
    fail: (error: unknown) => void failures.push(error),
    monitor: (listener: (down: Down) => void) => {
      notices.push(listener)
      return () => {
        notices.splice(0, 1)
      }
    },
  }
}

const down = (name: string): Down => ({ kind: 'stub', name, incarnation: 1, reason: 'failed' })

describe('a link', () => {
  it('leaves a successor alone that came before the notice of the end', () => {
    const [a, b] = [stub('a'), stub('b')]
    link(a, b)
    b.incarnation = 2
    a.notices[0]?.(down('a'))
    expect(b.failures).toEqual([])
  })

  it('that was made before the first incarnation binds that one', () => {
    const [a, b] = [stub('a'), stub('b', 0)]
    link(a, b)
    b.incarnation = 1
    a.notices[0]?.(down('a'))
    expect(b.failures).toMatchObject([{ message: 'stub "b" is linked to stub "a", which failed' }])
  })

  it('leaves no monitor behind once one of the two has ended, and makes none with itself', () => {
    const [a, b] = [stub('a'), stub('b')]
    link(a, b)
    expect([a.notices.length, b.notices.length]).toEqual([1, 1])
    a.notices[0]?.(down('a'))
    expect([a.notices.length, b.notices.length]).toEqual([0, 0])
    link(a, a)
    expect(a.notices).toEqual([])
  })

  it.each([
    [0, 1],
    [1, 0],
  ])('fails the other one with the failure as its cause, in both directions', async (first, second) => {
    const { clock, resources } = await make(['a', 'b'])
    const [a, b] = resources as [Pair[0], Pair[0]]
    link(a, b)
    const [failing, other] = [resources[first] as Pair[0], resources[second] as Pair[0]]
    failing.fail(new Error('crash'))
    expect(other.state).toBe('READY')
    await clock.settle()
    expect(other.state).toBe('ERROR')
    expect(other.failure).toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      message: `scripted "${other.name}" is linked to scripted "${failing.name}", which failed: scripted "${failing.name}" failed: crash`,
      cause: { code: 'EXO_RESOURCE_FAILED', cause: { message: 'crash' } },
    })
  })

  it('does nothing at a normal end, and is gone then', async () => {
    const { clock, resources } = await make(['a', 'b'])
    const [a, b] = resources as [Pair[0], Pair[0]]
    link(a, b)
    await a.close()
    await clock.settle()
    expect(b.state).toBe('READY')
    b.fail('crash')
    await clock.settle()
    expect(a.state).toBe('CLOSED')
  })

  it('can be taken back', async () => {
    const { clock, resources } = await make(['a', 'b'])
    const [a, b] = resources as [Pair[0], Pair[0]]
    const unlink = link(a, b)
    unlink()
    a.fail('crash')
    await clock.settle()
    expect(b.state).toBe('READY')
  })

  it('to one that has failed already fails the other one in the next turn', async () => {
    const { clock, resources } = await make(['a', 'b'])
    const [a, b] = resources as [Pair[0], Pair[0]]
    a.fail('crash')
    link(a, b)
    await clock.settle()
    expect(b.state).toBe('ERROR')
  })

  it('with itself is none', async () => {
    const { clock, resources } = await make(['a'])
    const [a] = resources as [Pair[0]]
    link(a, a)()
    link(a, a)
    a.fail('crash')
    await clock.settle()
    expect(a.failure).toMatchObject({ cause: 'crash' })
  })

  it('in a ring, drawn twice, fails each of them once and comes to an end', async () => {
    const { clock, resources, states } = await make(['a', 'b', 'c'])
    const changes: string[] = []
    for (const resource of resources)
      resource.subscribe(({ state }) => void changes.push(`${resource.name} ${state}`))
    for (const _ of [1, 2])
      for (const [index, resource] of resources.entries())
        link(resource, resources[(index + 1) % 3] as Pair[0])
    resources[0]?.fail('crash')
    await clock.settle()
    expect(states()).toEqual(['ERROR', 'ERROR', 'ERROR'])
    expect(changes).toEqual(['a ERROR', 'b ERROR', 'c ERROR'])
  })

  it('through a chain of a thousand fails them all, without nesting', async () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `${index}`)
    const { clock, resources, states } = await make(names)
    for (const [index, resource] of resources.entries()) {
      const next = resources[index + 1]
      if (next) link(resource, next)
    }
    resources[0]?.fail('crash')
    await clock.settle()
    expect(new Set(states())).toEqual(new Set(['ERROR']))
  })

  it('binds the incarnations that were there: a successor is not failed', async () => {
    const [one, two] = [kid('one'), kid('two')]
    const { root, clock, story } = await grow([one.spec, two.spec])
    const [a, b] = [root.ref(one.definition, 'one'), root.ref(two.definition, 'two')]
    link(a, b)
    await root.restart('two')
    a.fail('crash')
    await clock.advance(1_000)
    expect(story().filter(event => event.startsWith('failed'))).toEqual(['failed one#1'])
    await root.close()
  })

  it('lets both be restarted by their supervisor, and both work again', async () => {
    const [one, two] = [kid('one'), kid('two')]
    const { root, clock, story } = await grow([one.spec, two.spec])
    const [a, b] = [root.ref(one.definition, 'one'), root.ref(two.definition, 'two')]
    link(a, b)
    a.fail('crash')
    await clock.advance(1_000)
    expect(story().filter(event => event.startsWith('failed'))).toEqual(['failed one#1', 'failed two#1'])
    expect([a.state, a.incarnation, b.state, b.incarnation]).toEqual(['READY', 2, 'READY', 2])
    b.fail('crash')
    await clock.advance(1_000)
    expect(a.incarnation).toBe(2)
    await root.close()
  })
})
