import { describe, expect, it } from 'vitest'
import { calm, grow, kid } from './tree.ts'

const quick = {
  ...calm,
  backoff: { initial: 10, factor: 1, max: 10, jitter: 'none', resetAfter: 60_000 },
  intensity: { restarts: 1, within: 60_000 },
  circuit: 5_000,
} as const

const world = async () => {
  const a = kid('a')
  const b = kid('b')
  return { a, b, ...(await grow([a.spec, b.spec], { policies: { default: quick } })) }
}

describe('a circuit', () => {
  it('lets a child that has spent its intensity stay down, tells who waits, and leaves its supervisor and siblings alone', async () => {
    const { a, root, clock } = await world()
    for (const life of [0, 1]) {
      a.lives[life]?.self.fail('lost')
      await clock.advance(10)
    }
    expect(root.children()[0]).toMatchObject({
      state: 'CLOSED',
      circuit: 'open',
      nextAttemptAt: clock.now() - 10 + 5_000,
    })
    await expect(root.ref('a').ready()).rejects.toMatchObject({ code: 'EXO_INTENSITY_EXCEEDED' })
    expect([root.state, root.ref('b').state, root.ref('b').incarnation]).toEqual(['READY', 'READY', 1])
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('tries the child again after its time, and forgets what was before once it is READY', async () => {
    const { a, root, clock, story } = await world()
    for (const life of [0, 1]) {
      a.lives[life]?.self.fail('lost')
      await clock.advance(10)
    }
    await clock.advance(5_000)
    expect(root.children()[0]).toMatchObject({ state: 'READY', circuit: 'closed', window: { used: 0 } })
    expect(story().slice(-5)).toEqual([
      'circuit_opened a#2 5000',
      'circuit_half_open a#2',
      'ready a#3',
      'restarted a#3',
      'circuit_closed a#3',
    ])
    expect(root.children()[0]?.attempt).toBe(0)
    a.lives[2]?.self.fail('lost')
    await clock.advance(10)
    expect(root.ref('a').incarnation).toBe(4)
    await root.close()
  })

  it('opens again at once when the child cannot start then', async () => {
    const { a, root, clock, events } = await world()
    for (const life of [0, 1]) {
      a.lives[life]?.self.fail('lost')
      await clock.advance(10)
    }
    a.script.initialize = 'wait'
    await clock.advance(5_000)
    expect(root.children()[0]).toMatchObject({ state: 'INITIALIZING', circuit: 'half_open' })
    a.lives[2]?.initialized.reject(new Error('still not'))
    await clock.settle()
    expect(root.children()[0]).toMatchObject({ state: 'CLOSED', circuit: 'open' })
    expect(events.filter(({ type }) => type === 'circuit_opened')).toHaveLength(2)
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('is not the end that monitors wait for: stopping the child is', async () => {
    const { a, root, clock } = await world()
    const down: string[] = []
    root.ref('a').monitor(({ reason }) => void down.push(reason))
    for (const life of [0, 1]) {
      a.lives[life]?.self.fail('lost')
      await clock.advance(10)
    }
    expect(down).toEqual([])
    await root.stop('a')
    await clock.settle()
    expect(down).toEqual(['normal'])
    await root.close()
  })

  it('yields to a command: stop ends it, restart closes it', async () => {
    const { a, root, clock } = await world()
    for (const life of [0, 1]) {
      a.lives[life]?.self.fail('lost')
      await clock.advance(10)
    }
    await root.stop('a')
    await clock.advance(60_000)
    expect(root.children()[0]).toMatchObject({ state: 'CLOSED', circuit: 'closed', incarnation: 2 })
    await root.restart('a')
    expect(root.children()[0]).toMatchObject({ state: 'READY', circuit: 'closed', incarnation: 3 })
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('does not help against the limit of the supervisor itself', async () => {
    const a = kid('a')
    const { root, clock } = await grow([a.spec], {
      policies: { default: { ...quick, intensity: { restarts: 9, within: 60_000 } } },
      intensity: { restarts: 0, within: 1_000 },
    })
    a.lives[0]?.self.fail('lost')
    await clock.settle()
    expect((await root.closed).error).toMatchObject({ code: 'EXO_INTENSITY_EXCEEDED' })
  })
})
