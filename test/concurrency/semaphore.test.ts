import { describe, expect, it } from 'vitest'
import { Semaphore, withPermit } from '../../src/concurrency/semaphore.ts'
import { aborted, codeOf, listeners, outcome, settled } from './outcome.ts'

describe('Semaphore', () => {
  it('gives as many permits as it has; the rest waits, first come, first served', async () => {
    const semaphore = new Semaphore(2)
    const waits = [1, 2, 3, 4].map(() => outcome(semaphore.acquire()))
    await settled()
    expect(waits.map(({ said }) => said)).toEqual(['done', 'done', 'waits', 'waits'])
    expect([semaphore.value, semaphore.waiting]).toEqual([0, 2])
    semaphore.release()
    expect(semaphore.value).toBe(0)
    await settled()
    expect(waits.map(({ said }) => said)).toEqual(['done', 'done', 'done', 'waits'])
    semaphore.release()
    semaphore.release()
    expect([semaphore.value, semaphore.waiting]).toEqual([1, 0])
  })

  it('may be released by anybody and grow without a maximum', () => {
    const semaphore = new Semaphore(0)
    expect(semaphore.max).toBe(Number.POSITIVE_INFINITY)
    for (let index = 0; index < 3; index += 1) semaphore.release()
    expect(semaphore.value).toBe(3)
  })

  it('has an optional maximum, which a release too many may not pass', async () => {
    const semaphore = new Semaphore(1, { max: 2 })
    expect(semaphore.max).toBe(2)
    semaphore.release()
    expect(() => semaphore.release()).toThrow('a semaphore of at most 2 permits was released once too often')
    expect(codeOf(() => semaphore.release())).toBe('EXO_LOCK_MISUSE')
    expect(semaphore.value).toBe(2)
    await semaphore.acquire()
    semaphore.release()
    expect(semaphore.value).toBe(2)
  })

  it('is taken without a wait only when a permit is free', () => {
    const semaphore = new Semaphore(1)
    semaphore.tryAcquire()
    expect(codeOf(() => semaphore.tryAcquire())).toBe('EXO_WOULD_BLOCK')
    expect(semaphore.value).toBe(0)
  })

  it('takes whole numbers only, and a value within its maximum', () => {
    for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(codeOf(() => new Semaphore(value))).toBe('EXO_OPTION_INVALID')
    expect(codeOf(() => new Semaphore(0, { max: -1 }))).toBe('EXO_OPTION_INVALID')
    expect(() => new Semaphore(3, { max: 2 })).toThrow('is 3, expected at most its max, 2')
    expect(codeOf(() => new Semaphore(3, { max: 2 }))).toBe('EXO_OPTION_INVALID')
    expect(new Semaphore(2, { max: 2 }).value).toBe(2)
  })

  it('loses no permit to a cancelled acquire, and leaves no listener', async () => {
    const semaphore = new Semaphore(1)
    await semaphore.acquire()
    const abort = new AbortController()
    const cancelled = outcome(semaphore.acquire(abort.signal))
    const patient = new AbortController()
    const next = outcome(semaphore.acquire(patient.signal))
    abort.abort()
    semaphore.release()
    patient.abort()
    await settled()
    expect([cancelled.said, next.said]).toEqual(['EXO_ABORTED', 'done'])
    expect(listeners(patient.signal)).toBe(0)
    semaphore.release()
    expect(semaphore.value).toBe(1)
  })

  it('refuses who is cancelled already, also when a permit is free', async () => {
    const semaphore = new Semaphore(1)
    await expect(semaphore.acquire(aborted())).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    expect(semaphore.value).toBe(1)
  })
})

describe('withPermit', () => {
  it('has a permit for as long as the work lasts, however that ends', async () => {
    const semaphore = new Semaphore(1)
    const seen: number[] = []
    const work = async () => {
      await settled()
      seen.push(semaphore.value)
      return 'done'
    }
    expect(await withPermit(semaphore, work)).toBe('done')
    const broken = () => {
      throw new Error('broken')
    }
    await expect(withPermit(semaphore, broken)).rejects.toThrow('broken')
    expect(seen).toEqual([0])
    expect(semaphore.value).toBe(1)
  })

  it('gives nothing back when its wait is cancelled', async () => {
    const semaphore = new Semaphore(0)
    await expect(withPermit(semaphore, () => 'never', aborted())).rejects.toMatchObject({
      code: 'EXO_ABORTED',
    })
    expect(semaphore.value).toBe(0)
  })
})
