import { describe, expect, it } from 'vitest'
import { CapacityLimiter, withToken } from '../../src/concurrency/capacity-limiter.ts'
import { aborted, codeOf, listeners, outcome, settled } from './outcome.ts'

/** So many borrowers who come at once. */
function borrowers(limiter: CapacityLimiter, count: number) {
  return Array.from({ length: count }, (_, number) => {
    const borrower = { number }
    return { borrower, ended: outcome(limiter.acquireOnBehalfOf(borrower)) }
  })
}

const said = (of: readonly { readonly ended: { readonly said: string } }[]) =>
  of.map(({ ended }) => ended.said)

describe('CapacityLimiter', () => {
  it('lends one token for each borrower', async () => {
    const limiter = new CapacityLimiter(2)
    const borrower = {}
    await limiter.acquireOnBehalfOf(borrower)
    await expect(limiter.acquireOnBehalfOf(borrower)).rejects.toMatchObject({ code: 'EXO_LOCK_MISUSE' })
    expect(codeOf(() => limiter.tryAcquireOnBehalfOf(borrower))).toBe('EXO_LOCK_MISUSE')
    expect(limiter.available).toBe(1)
    expect(codeOf(() => limiter.releaseOnBehalfOf({}))).toBe('EXO_LOCK_MISUSE')
    limiter.releaseOnBehalfOf(borrower)
    expect(() => limiter.releaseOnBehalfOf(borrower)).toThrow(
      'a token of a capacity limiter was released by somebody who does not hold it',
    )
    expect(limiter.available).toBe(2)
  })

  it('lets the rest wait, first come, first served', async () => {
    const limiter = new CapacityLimiter(1)
    const all = borrowers(limiter, 3)
    await settled()
    expect(said(all)).toEqual(['done', 'waits', 'waits'])
    limiter.releaseOnBehalfOf(all[0]!.borrower)
    await settled()
    expect(said(all)).toEqual(['done', 'done', 'waits'])
  })

  it('wakes those who wait when its total is raised', async () => {
    const limiter = new CapacityLimiter(0)
    const all = borrowers(limiter, 4)
    await settled()
    expect(said(all)).toEqual(['waits', 'waits', 'waits', 'waits'])
    limiter.total = 3
    await settled()
    expect(said(all)).toEqual(['done', 'done', 'done', 'waits'])
    expect(limiter.total).toBe(3)
    limiter.total = Number.POSITIVE_INFINITY
    await settled()
    expect(said(all)).toEqual(['done', 'done', 'done', 'done'])
    expect(limiter.available).toBe(Number.POSITIVE_INFINITY)
  })

  it('takes no token away when its total is lowered, and lends none until enough have come back', async () => {
    const limiter = new CapacityLimiter(3)
    const all = borrowers(limiter, 4)
    await settled()
    limiter.total = 1
    expect(limiter.available).toBe(0)
    limiter.releaseOnBehalfOf(all[0]!.borrower)
    limiter.releaseOnBehalfOf(all[1]!.borrower)
    await settled()
    expect(said(all)).toEqual(['done', 'done', 'done', 'waits'])
    expect(limiter.available).toBe(0)
    limiter.releaseOnBehalfOf(all[2]!.borrower)
    await settled()
    expect(said(all)).toEqual(['done', 'done', 'done', 'done'])
  })

  it('tells who has a token and how many wait', async () => {
    const limiter = new CapacityLimiter(2)
    expect(limiter.statistics).toEqual({ total: 2, borrowed: 0, available: 2, borrowers: [], waiting: 0 })
    const all = borrowers(limiter, 3)
    await settled()
    expect(limiter.statistics).toEqual({
      total: 2,
      borrowed: 2,
      available: 0,
      borrowers: [all[0]!.borrower, all[1]!.borrower],
      waiting: 1,
    })
  })

  it('lends without a wait only what is available', () => {
    const limiter = new CapacityLimiter(1)
    limiter.tryAcquireOnBehalfOf({})
    expect(codeOf(() => limiter.tryAcquireOnBehalfOf({}))).toBe('EXO_WOULD_BLOCK')
  })

  it('loses no token to a cancelled acquire, and leaves no listener', async () => {
    const limiter = new CapacityLimiter(1)
    const borrower = {}
    limiter.tryAcquireOnBehalfOf(borrower)
    const abort = new AbortController()
    const cancelled = outcome(limiter.acquireOnBehalfOf({}, abort.signal))
    const patient = new AbortController()
    const next = outcome(limiter.acquireOnBehalfOf({}, patient.signal))
    await settled()
    abort.abort()
    limiter.releaseOnBehalfOf(borrower)
    patient.abort()
    await settled()
    expect([cancelled.said, next.said]).toEqual(['EXO_ABORTED', 'done'])
    expect(listeners(patient.signal)).toBe(0)
    await expect(limiter.acquireOnBehalfOf(aborted())).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    expect(limiter.statistics).toMatchObject({ borrowed: 1, waiting: 0 })
  })

  it('takes a whole or infinite total only, at the beginning and later', () => {
    const limiter = new CapacityLimiter(1)
    for (const total of [-1, 1.5, Number.NaN]) {
      expect(codeOf(() => new CapacityLimiter(total))).toBe('EXO_OPTION_INVALID')
      expect(() => {
        limiter.total = total
      }).toThrow(`the total of a capacity limiter is ${total}, expected a whole number from 0`)
    }
    expect(limiter.total).toBe(1)
  })
})

describe('withToken', () => {
  it('has a token for as long as the work lasts, however that ends', async () => {
    const limiter = new CapacityLimiter(1)
    const borrower = {}
    const work = async () => {
      await settled()
      return limiter.statistics.borrowers
    }
    expect(await withToken(limiter, work, borrower)).toEqual([borrower])
    const broken = () => {
      throw new Error('broken')
    }
    await expect(withToken(limiter, broken, borrower)).rejects.toThrow('broken')
    expect(limiter.available).toBe(1)
    await expect(withToken(limiter, work, borrower, aborted())).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    expect(limiter.available).toBe(1)
  })
})
