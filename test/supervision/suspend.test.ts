import { describe, expect, it } from 'vitest'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import { grow, kid } from './tree.ts'

describe('a child that is suspended', () => {
  it('handles no message and is not checked until it goes on', async () => {
    let checks = 0
    const a = kid('a', {
      check: async () => {
        checks += 1
      },
    })
    const { root, clock, events } = await grow([a.spec])
    root.suspend('a')
    const answer = root.ref(a.definition, 'a').ask('hello', { timeout: 60_000 })
    await clock.advance(30_000)
    expect([checks, a.lives[0]?.messages]).toEqual([0, []])
    expect(root.children()[0]).toMatchObject({ suspended: true, state: 'READY', mailbox: 1 })
    root.resume('a')
    expect(await answer).toBe('hello!')
    await clock.advance(10_000)
    expect(checks).toBe(1)
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['suspended', 'unsuspended']))
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('stays so through a restart', async () => {
    let checks = 0
    const a = kid('a', {
      check: async () => {
        checks += 1
      },
    })
    const { root, clock } = await grow([a.spec])
    root.suspend('a')
    a.lives[0]?.self.fail('lost')
    await clock.advance(30_000)
    root.ref(a.definition, 'a').tell('x')
    await clock.settle()
    expect([root.ref('a').incarnation, checks, a.lives[1]?.messages]).toEqual([2, 0, []])
    root.resume('a')
    await clock.settle()
    expect(a.lives[1]?.messages).toEqual(['x'])
    await root.close()
  })
})

describe('a child that was suspended by itself and went on', () => {
  it('rests and wakes with its supervisor like any other one', async () => {
    const leaf = kid('leaf')
    const input = { children: [leaf.spec] }
    const { root } = await grow([{ id: 'below', resource: supervisorResource as never, input }])
    const below = await root.ref(supervisorResource, 'below').ready()
    const isSuspended = () => below.children()[0]?.suspended
    below.suspend('leaf')
    below.resume('leaf')
    root.suspend('below')
    expect(isSuspended()).toBe(true)
    root.resume('below')
    expect(isSuspended()).toBe(false)
    await root.close()
  })
})

describe('the trace of a child', () => {
  it('tells of its messages and states while somebody listens', async () => {
    const a = kid('a')
    const { root, clock } = await grow([a.spec])
    const seen: string[] = []
    const end = root.trace('a', ({ type }) => void seen.push(type))
    await root.ref(a.definition, 'a').ask('x')
    a.lives[0]?.self.fail('lost')
    await clock.advance(100)
    end()
    await root.ref(a.definition, 'a').ask('y')
    expect(seen.length).toBeGreaterThan(3)
    const count = seen.length
    await root.close()
    expect(seen).toHaveLength(count)
    expect(() => root.trace('b', () => undefined)).toThrow('b')
  })
})
