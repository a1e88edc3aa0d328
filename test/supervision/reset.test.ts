import { describe, expect, it } from 'vitest'
import { calm, grow, kid } from './tree.ts'

const snapshot = (root: Awaited<ReturnType<typeof grow>>['root']) => root.children()[0]

describe('a child that is reset by hand', () => {
  it('has forgotten its restarts, its attempts and its last error', async () => {
    const a = kid('a')
    const { root, clock } = await grow([a.spec])
    for (const wait of [100, 200]) {
      root.ref('a').fail('lost')
      await clock.advance(wait)
    }
    expect(snapshot(root)).toMatchObject({ attempt: 2, window: { used: 2 }, incarnation: 3 })
    await root.restart('a')
    expect(snapshot(root)).toMatchObject({ attempt: 0, window: { used: 2 }, incarnation: 4 })
    expect(snapshot(root)?.lastError).toBeDefined()
    await root.reset('a')
    expect(snapshot(root)).toMatchObject({ state: 'READY', attempt: 0, window: { used: 0 }, incarnation: 5 })
    expect(snapshot(root)?.lastError).toBeUndefined()
    await root.close()
  })

  it('comes back at once from an open circuit, and is not tried a second time when that would have closed', async () => {
    const a = kid(
      'a',
      {},
      { policy: { ...calm, intensity: { restarts: 1, within: 60_000 }, circuit: 10_000 } },
    )
    const { root, clock } = await grow([a.spec])
    for (const wait of [100, 100]) {
      root.ref('a').fail('lost')
      await clock.advance(wait)
    }
    expect(snapshot(root)).toMatchObject({ circuit: 'open', state: 'CLOSED' })
    await root.reset('a')
    expect(snapshot(root)).toMatchObject({ circuit: 'closed', state: 'READY', window: { used: 0 } })
    await clock.advance(20_000)
    expect(a.lives.length).toBe(3)
    // One more failure is the first of a new count.
    root.ref('a').fail('lost')
    await clock.advance(100)
    expect(snapshot(root)).toMatchObject({ circuit: 'closed', state: 'READY', window: { used: 1 } })
    await root.close()
  })

  it('is refused by a supervisor that is dynamic, closed, or does not know it', async () => {
    const { root } = await grow([])
    await expect(root.reset('b')).rejects.toMatchObject({ code: 'EXO_CHILD_UNKNOWN' })
    await root.close()
    await expect(root.reset('b')).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    const one = kid('one')
    const dynamic = await grow([], {
      strategy: 'dynamic',
      template: { resource: one.definition as never, input: undefined } as never,
    })
    await dynamic.root.spawn(one.definition, {}, { id: 'one' })
    await expect(dynamic.root.reset('one')).rejects.toMatchObject({ code: 'EXO_STRATEGY_MISMATCH' })
    await dynamic.root.close()
  })
})

describe('a child that is mended by hand', () => {
  it('goes back to READY when its kind mends nothing, and nothing else has changed', async () => {
    const a = kid('a')
    const { root } = await grow([a.spec])
    root.ref('a').degrade('slow')
    await root.recover('a')
    expect(snapshot(root)).toMatchObject({ state: 'READY', incarnation: 1 })
    await root.close()
  })

  it('stays DEGRADED when the mending throws, and the caller hears why', async () => {
    const a = kid('a', {
      recover: async () => {
        throw new Error('no line')
      },
    })
    const { root } = await grow([a.spec])
    root.ref('a').degrade('slow')
    await expect(root.recover('a')).rejects.toThrow('no line')
    expect(snapshot(root)).toMatchObject({ state: 'DEGRADED' })
    await root.close()
  })

  it('is refused while it is not DEGRADED', async () => {
    const { root } = await grow([kid('a').spec])
    await expect(root.recover('a')).rejects.toMatchObject({ code: 'EXO_RESOURCE_FAILED' })
    await root.close()
  })
})
