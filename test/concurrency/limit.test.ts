import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { limited } from '../../src/concurrency/limit.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { watchLimits } from '../../src/concurrency/wait.ts'

const late = () => new Error('late')

function setup() {
  const clock = new VirtualClock()
  const outer = new AbortController()
  return { clock, outer, limit: { clock, timeout: 100, timeoutError: late, signal: outer.signal } }
}

describe('a limited work', () => {
  it('gives its result and leaves no timer and no listener', async () => {
    const { clock, outer, limit } = setup()
    expect(await limited(limit, async () => 5)).toBe(5)
    expect(clock.pending).toBe(0)
    expect(getEventListeners(outer.signal, 'abort')).toHaveLength(0)
  })

  it('fails with its own error, also one thrown at once', async () => {
    const { limit } = setup()
    const broken = () => {
      throw new Error('broken')
    }
    await expect(limited(limit, broken)).rejects.toThrow('broken')
  })

  it('that ignores its signal is given up when the time is over', async () => {
    const { clock, limit } = setup()
    let inner: AbortSignal | undefined
    const result = limited(limit, signal => {
      inner = signal
      return new Promise(() => undefined)
    }).catch((error: unknown) => error)
    await clock.advance(100)
    expect(await result).toEqual(late())
    expect(inner?.reason).toEqual(late())
  })

  it('is given up from outside, before and during', async () => {
    const { clock, outer, limit } = setup()
    const result = limited(limit, () => new Promise(() => undefined))
    outer.abort(new Error('stop'))
    await expect(result).rejects.toThrow('stop')
    expect(getEventListeners(outer.signal, 'abort')).toHaveLength(0)
    let began = false
    const never = limited(limit, async () => {
      began = true
    })
    await expect(never).rejects.toThrow('stop')
    expect(began).toBe(false)
    expect(clock.pending).toBe(0)
  })
})

describe('watchLimits', () => {
  it('tells of one limit only, and of none after it was stopped', async () => {
    const { clock, outer } = setup()
    const told: string[] = []
    const on = { timeout: () => void told.push('timeout'), abort: () => void told.push('abort') }
    watchLimits(clock, { timeout: 10, signal: outer.signal }, on)
    watchLimits(clock, { timeout: 10, signal: outer.signal }, on)()
    await clock.advance(10)
    outer.abort()
    expect(told).toEqual(['timeout'])
  })

  it('tells of an abort with its reason, and leaves no timer and no listener then', async () => {
    const { clock, outer } = setup()
    const told: unknown[] = []
    const on = { timeout: () => told.push('timeout'), abort: (reason: unknown) => told.push(reason) }
    watchLimits(clock, { timeout: 10, signal: outer.signal }, on)
    outer.abort('changed my mind')
    expect(clock.pending).toBe(0)
    expect(getEventListeners(outer.signal, 'abort')).toHaveLength(0)
    await clock.advance(10)
    expect(told).toEqual(['changed my mind'])
  })
})
