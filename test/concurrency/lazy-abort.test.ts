import { describe, expect, it } from 'vitest'
import { LazyAbort } from '../../src/concurrency/lazy-abort.ts'

describe('a lazy abort', () => {
  it('gives the same signal each time, and aborts it with its reason', () => {
    const work = new LazyAbort()
    const { signal } = work
    expect([signal.aborted, work.signal === signal]).toEqual([false, true])
    work.abort(() => 'over')
    expect([signal.aborted, signal.reason]).toEqual([true, 'over'])
  })

  it('gives who looks later an aborted signal with the first reason', () => {
    const work = new LazyAbort()
    work.abort(() => 'first')
    work.abort(() => 'second')
    expect([work.signal.aborted, work.signal.reason]).toEqual([true, 'first'])
  })

  it('makes its reason only for somebody who looks', () => {
    let made = 0
    const work = new LazyAbort()
    work.abort(() => {
      made += 1
      return made
    })
    expect(made).toBe(0)
    expect([work.signal.reason, work.signal.reason, made]).toEqual([1, 1, 1])
  })
})
