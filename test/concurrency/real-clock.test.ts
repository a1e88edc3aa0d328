import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { every, realClock } from '../../src/concurrency/clock.ts'
import { nextTurn } from '../../src/concurrency/next-turn.ts'
import { schedule } from '../../src/concurrency/timer.ts'

const DAY = 24 * 60 * 60 * 1_000

describe('realClock', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('fires once, and not at all when cleared', () => {
    const fired: string[] = []
    realClock.setTimeout(() => fired.push('a'), 10)
    realClock.clearTimeout(realClock.setTimeout(() => fired.push('b'), 10))
    vi.advanceTimersByTime(100)
    expect(fired).toEqual(['a'])
  })

  it('holds times longer than the 24.8 days of a Node timer, and can clear them late', () => {
    let fired = 0
    realClock.setTimeout(() => (fired += 1), 60 * DAY)
    const cleared = realClock.setTimeout(() => (fired += 100), 60 * DAY)
    vi.advanceTimersByTime(50 * DAY)
    realClock.clearTimeout(cleared)
    vi.advanceTimersByTime(10 * DAY - 1)
    expect(fired).toBe(0)
    vi.advanceTimersByTime(1)
    expect(fired).toBe(1)
  })

  it('fires a timer of the longest time that Node can hold at that very time', () => {
    let fired = 0
    realClock.setTimeout(() => (fired += 1), 2 ** 31 - 1)
    vi.advanceTimersByTime(2 ** 31 - 2)
    expect(fired).toBe(0)
    vi.advanceTimersByTime(1)
    expect(fired).toBe(1)
  })

  it('clears nothing for a handle that is none', () => {
    expect(() => realClock.clearTimeout(undefined)).not.toThrow()
  })

  it('never goes back', () => {
    const before = realClock.now()
    expect(realClock.now()).toBeGreaterThanOrEqual(before)
  })

  it('arms nothing for an infinite time', () => {
    const cancel = schedule(realClock, Number.POSITIVE_INFINITY, () => undefined)
    expect(vi.getTimerCount()).toBe(0)
    cancel()
  })
})

describe('every', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('calls back again and again until it is told to stop', () => {
    let calls = 0
    const stop = every(10, () => (calls += 1))
    vi.advanceTimersByTime(35)
    expect(calls).toBe(3)
    stop()
    vi.advanceTimersByTime(100)
    expect(calls).toBe(3)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('the next turn of the event loop', () => {
  it('comes after microtasks and after the immediates that were there before', async () => {
    const seen: string[] = []
    setImmediate(() => seen.push('the event loop'))
    const waiting = nextTurn().then(() => seen.push('next turn'))
    await Promise.resolve()
    seen.push('a microtask')
    await waiting
    expect(seen).toEqual(['a microtask', 'the event loop', 'next turn'])
  })

  it('is asked of the clock that it is given', async () => {
    const turns: (() => void)[] = []
    let isOver = false
    const waiting = nextTurn({ nextTurn: fn => void turns.push(fn) }).then(() => {
      isOver = true
    })
    await new Promise<void>(resolve => setImmediate(resolve))
    expect(isOver).toBe(false)
    turns[0]?.()
    await waiting
  })
})
