import { describe, expect, it } from 'vitest'
import { deferred } from '../../src/concurrency/deferred.ts'
import { calm, grow, kid } from './tree.ts'

const softly = (count: number) => ({ ...calm, degraded: { grace: 1_000, soft: count } })

describe('a DEGRADED child', () => {
  it('has a grace time: nothing happens when it recovers within it', async () => {
    const a = kid('a', { recover: async () => undefined })
    const { root, clock, story } = await grow([a.spec])
    root.ref('a').degrade('slow')
    await clock.advance(999)
    a.lives[0]?.self.recovered()
    await clock.advance(10_000)
    expect(story()).toEqual(['ready a#1', 'degraded a#1', 'recovered a#1'])
    await root.close()
  })

  it('recovers in place first: the same incarnation, the same client', async () => {
    const a = kid('a', { recover: async () => undefined })
    const { root, clock, story } = await grow([a.spec])
    root.ref('a').degrade('slow')
    await clock.advance(1_000)
    expect(root.ref('a')).toMatchObject({ state: 'READY', incarnation: 1, client: a.lives[0]?.client })
    expect(story()).toEqual(['ready a#1', 'degraded a#1', 'soft_restart a#1', 'recovered a#1'])
    await root.close()
  })

  it('is restarted when its soft restarts, each after a grace time, are used up', async () => {
    const a = kid('a', {
      recover: async () => {
        throw new Error('still slow')
      },
    })
    const { root, clock, story, events, logged } = await grow([a.spec], { policies: { default: softly(2) } })
    root.ref('a').degrade('slow')
    await clock.advance(3_000)
    expect(logged.filter(line => line === 'the soft restart of scripted "a" failed')).toHaveLength(2)
    expect(story().slice(1)).toEqual([
      'degraded a#1',
      'soft_restart a#1',
      'soft_restart a#1',
      'failed a#1',
      'child_terminated a#1',
      'backoff_scheduled a#1 100',
    ])
    expect(events.find(({ type }) => type === 'failed')?.error).toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      message:
        'scripted "a" stayed DEGRADED through 1000 ms of grace and 2 soft restarts: scripted "a" is degraded: slow',
    })
    await clock.advance(100)
    expect(root.ref('a')).toMatchObject({ state: 'READY', incarnation: 2 })
    await root.close()
  })

  it('is restarted at once after the grace time when its kind cannot recover in place', async () => {
    const a = kid('a')
    const { root, clock, events } = await grow([a.spec])
    root.ref('a').degrade('slow')
    await clock.advance(1_100)
    expect(root.ref('a').incarnation).toBe(2)
    expect(events.find(({ type }) => type === 'failed')?.error?.message).toBe(
      'scripted "a" stayed DEGRADED through 1000 ms of grace: scripted "a" is degraded: slow',
    )
    await root.close()
  })

  it('counts soft restarts that helped only for a while too, until it was healthy for long', async () => {
    const a = kid('a', { recover: async () => undefined })
    const { root, clock } = await grow([a.spec], { policies: { default: softly(1) } })
    const degrade = async () => {
      root.ref('a').degrade('slow')
      await clock.advance(1_000)
    }
    await degrade()
    await clock.advance(5_000)
    await degrade()
    expect(root.ref('a')).toMatchObject({ state: 'READY', incarnation: 1 })
    await degrade()
    await clock.advance(100)
    expect(root.ref('a').incarnation).toBe(2)
    await root.close()
  })

  it('whose soft restart hangs is given up after the start timeout', async () => {
    const signals: AbortSignal[] = []
    const a = kid('a', {
      recover: signal => {
        signals.push(signal)
        return new Promise(() => undefined)
      },
    })
    const { root, clock } = await grow([a.spec], { policies: { default: softly(1) } })
    root.ref('a').degrade('slow')
    await clock.advance(1_000 + 500)
    expect(signals[0]?.aborted).toBe(true)
    await clock.advance(1_000 + 100)
    expect(root.ref('a')).toMatchObject({ state: 'READY', incarnation: 2 })
    await root.close()
  })

  it('is not recovered twice at a time when it was well for a while before the first recovery ended', async () => {
    const recoveries: { aborted: () => boolean; end: (error?: Error) => void }[] = []
    const a = kid('a', {
      recover: signal => {
        const { promise, resolve, reject } = deferred<void>()
        const end = (error?: Error) => (error ? reject(error) : resolve())
        recoveries.push({ aborted: () => signal.aborted, end })
        return promise
      },
    })
    const policies = { default: { ...softly(2), startTimeout: 100_000 } }
    const { root, clock, story } = await grow([a.spec], { policies })
    const comeBack = async () => {
      a.lives[0]?.self.recovered()
      root.ref('a').degrade('slow again')
      await clock.advance(5_000)
    }
    root.ref('a').degrade('slow')
    await clock.advance(1_000)
    await comeBack()
    await comeBack()
    expect(recoveries).toHaveLength(1)
    expect(recoveries[0]?.aborted()).toBe(false)

    recoveries[0]?.end(new Error('still slow'))
    await clock.advance(999)
    expect(recoveries).toHaveLength(1)
    await clock.advance(1)
    expect(recoveries).toHaveLength(2)
    await comeBack()
    expect(root.ref('a')).toMatchObject({ state: 'DEGRADED', incarnation: 1 })
    recoveries[1]?.end()
    await clock.settle()
    expect(root.ref('a')).toMatchObject({ state: 'READY', incarnation: 1, client: a.lives[0]?.client })
    expect(recoveries).toHaveLength(2)
    expect(story().filter(line => line.startsWith('soft_restart'))).toHaveLength(2)
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('has all its soft restarts again in a new incarnation', async () => {
    const a = kid('a', { recover: async () => undefined })
    const { root, clock } = await grow([a.spec], { policies: { default: softly(1) } })
    const degrade = async () => {
      root.ref('a').degrade('slow')
      await clock.advance(1_000)
    }
    await degrade()
    a.lives[0]?.self.fail('lost')
    await clock.advance(100)
    await degrade()
    expect(root.ref('a')).toMatchObject({ state: 'READY', incarnation: 2 })
    await root.close()
  })

  it('that was well meanwhile has its whole grace time, also when an older recovery ends within it', async () => {
    const recoveries: ((error: Error) => void)[] = []
    const a = kid('a', {
      recover: () => {
        const { promise, reject } = deferred<void>()
        recoveries.push(reject)
        return promise
      },
    })
    const { root, clock } = await grow([a.spec], {
      policies: { default: { ...softly(2), startTimeout: 100_000 } },
    })
    const comeBack = () => {
      a.lives[0]?.self.recovered()
      root.ref('a').degrade('slow again')
    }
    root.ref('a').degrade('slow')
    await clock.advance(1_000)
    comeBack()
    await clock.advance(500)
    recoveries[0]?.(new Error('still slow'))
    await clock.advance(100)
    comeBack()
    await clock.advance(999)
    expect(recoveries).toHaveLength(1)
    await clock.advance(1)
    expect(recoveries).toHaveLength(2)
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it.each([
    ['says that its failures resume it', { decide: { '*': 'resume' } }],
    ['does not act on ERROR', { on: ['DEGRADED'] }],
  ] as const)('is restarted after its grace time also when its policy %s', async (_, policy) => {
    const a = kid('a', {}, { policy })
    const { root, clock, events } = await grow([a.spec])
    root.ref('a').degrade('slow')
    await clock.advance(1_100)
    expect(root.ref('a')).toMatchObject({ state: 'READY', incarnation: 2 })
    expect(events.find(({ type }) => type === 'failed')?.directive).toBe('restart')
    await root.close()
  })

  it('that is to be restarted with its group is not recovered meanwhile', async () => {
    const a = kid('a', { recover: async () => undefined })
    const b = kid('b', { cleanup: 'wait' }, { shutdown: 'infinity' })
    const c = kid('c')
    const { root, clock, story } = await grow([a.spec, b.spec, c.spec], { strategy: 'one_for_all' })
    root.ref('a').degrade('slow')
    c.lives[0]?.self.fail('lost')
    await clock.advance(5_000)
    expect(root.ref('a').state).toBe('DEGRADED')
    b.lives[0]?.cleaned.resolve()
    await clock.advance(1_000)
    expect(story().filter(line => line.endsWith(' a#1'))).toEqual([
      'ready a#1',
      'degraded a#1',
      'child_terminated a#1',
    ])
    b.script.cleanup = 'at once'
    await root.close()
  })

  it('has the grace time of its newest policy from its next grace time on', async () => {
    const a = kid('a', {
      recover: async () => {
        throw new Error('still slow')
      },
    })
    const { root, clock, story } = await grow([a.spec])
    root.ref('a').degrade('slow')
    root.reload({ policies: { default: { ...calm, degraded: { grace: 50, soft: 1 } } } })
    await clock.advance(999)
    expect(story()).not.toContain('soft_restart a#1')
    await clock.advance(1)
    expect(story().at(-1)).toBe('soft_restart a#1')
    await clock.advance(50)
    expect(story()).toContain('failed a#1')
    await root.close()
  })

  it('is left alone when the policy does not act on DEGRADED, and one in ERROR likewise', async () => {
    const a = kid('a', {}, { policy: { on: ['ERROR'], probe: { interval: 1e9 } } })
    const b = kid('b', {}, { policy: { on: ['DEGRADED'] } })
    const { root, clock } = await grow([a.spec, b.spec])
    root.ref('a').degrade('slow')
    const waiting = root.ref('b').ready()
    await waiting
    root.ref('b').fail(new Error('broken'))
    await clock.advance(100_000)
    expect([root.ref('a').state, root.ref('b').state]).toEqual(['DEGRADED', 'ERROR'])
    await expect(root.ref('b').ready()).rejects.toMatchObject({ code: 'EXO_RESOURCE_FAILED' })
    await root.restart('b')
    expect(root.ref('b')).toMatchObject({ state: 'READY', incarnation: 2 })
    expect(b.lives[0]?.cleanups).toHaveLength(1)
    await root.close()
    expect(a.lives[0]?.cleanups).toHaveLength(1)
  })

  it('goes there by its health checks, as its policy says', async () => {
    let healthy = true
    const check = async () => {
      if (!healthy) throw new Error('no answer')
    }
    const policy = {
      probe: { interval: 100, timeout: 10 },
      degraded: { after: { failures: 2, of: 3 }, grace: 10_000 },
    }
    const a = kid('a', { check }, { policy })
    const { root, clock, story } = await grow([a.spec])
    healthy = false
    await clock.advance(200)
    expect(root.ref('a').state).toBe('DEGRADED')
    healthy = true
    await clock.advance(200)
    expect(root.ref('a').state).toBe('READY')
    expect(story()).toEqual(['ready a#1', 'degraded a#1', 'recovered a#1'])
    await root.close()
    expect(clock.pending).toBe(0)
  })
})
