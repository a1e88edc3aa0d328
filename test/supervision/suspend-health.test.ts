import { describe, expect, it } from 'vitest'
import { grow, kid } from './tree.ts'

describe('a suspended child', () => {
  it('is not asked for its health, so that it cannot be restarted for what it does not answer; afterwards it is asked again', async () => {
    let checks = 0
    const a = kid('a', {
      async check() {
        checks += 1
        if (checks > 1) throw new Error('no answer')
      },
    })
    const { root, clock } = await grow([a.spec])
    await clock.advance(10_000)
    root.suspend('a')
    await clock.advance(1_000_000)
    expect([checks, root.ref('a').state, a.lives.length]).toEqual([1, 'READY', 1])
    root.resume('a')
    await clock.advance(100_000)
    expect(a.lives.length).toBeGreaterThan(1)
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('keeps its messages through a restart until it is resumed', async () => {
    const a = kid('a')
    const { root, clock } = await grow([a.spec])
    const ref = root.ref(a.definition, 'a')
    root.suspend('a')
    const asked = ref.ask('hello', { timeout: 60_000 })
    await root.restart('a')
    await clock.advance(1_000)
    expect(a.lives.map(({ messages }) => messages)).toEqual([[], []])
    root.resume('a')
    expect(await asked).toBe('hello!')
    expect(a.lives[1]?.messages).toEqual(['hello'])
    await root.close()
  })
})
