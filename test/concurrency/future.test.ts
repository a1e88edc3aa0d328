import { describe, expect, it } from 'vitest'
import { Future } from '../../src/concurrency/future.ts'
import { aborted, listeners, outcome, settled } from './outcome.ts'

describe('Future', () => {
  it('gives its value to all who wait, before and after', async () => {
    const future = new Future<number>()
    const early = [future.wait(), future.wait()]
    expect(future.isSettled).toBe(false)
    expect(future.set(7)).toBe(true)
    expect(future.isSettled).toBe(true)
    expect(await Promise.all([...early, future.wait()])).toEqual([7, 7, 7])
  })

  it('keeps its first result: later ones are told that they are late', async () => {
    const future = new Future<number>()
    future.set(1)
    expect(future.set(2)).toBe(false)
    expect(future.fail(new Error('late'))).toBe(false)
    expect(await future.wait()).toBe(1)
  })

  it('can hold undefined', async () => {
    const future = new Future<undefined>()
    expect(future.set(undefined)).toBe(true)
    expect(future.set(undefined)).toBe(false)
    expect(await future.wait()).toBeUndefined()
  })

  it('throws its error to each who waits, and is no unhandled rejection when nobody does', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', note)
    const future = new Future<number>()
    expect(future.fail(new Error('broken'))).toBe(true)
    await settled()
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
    await expect(future.wait()).rejects.toThrow('broken')
    await expect(future.wait()).rejects.toThrow('broken')
  })

  it('lets one wait be cancelled and keeps the others; it leaves no listener', async () => {
    const future = new Future<number>()
    const abort = new AbortController()
    const cancelled = outcome(future.wait(abort.signal))
    const patient = new AbortController()
    const other = outcome(future.wait(patient.signal))
    abort.abort()
    await settled()
    expect([cancelled.said, other.said]).toEqual(['EXO_ABORTED', 'waits'])
    future.set(3)
    await settled()
    expect(other.said).toBe('gave 3')
    expect(listeners(patient.signal)).toBe(0)
    await expect(future.wait(aborted())).rejects.toMatchObject({ code: 'EXO_ABORTED' })
  })
})
