import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CapacityLimiter } from '../../src/concurrency/capacity-limiter.ts'
import { Semaphore } from '../../src/concurrency/semaphore.ts'
import { Cancellable } from './cancellable.ts'
import { codeOf, outcome, settled } from './outcome.ts'

type Step =
  | { readonly do: 'acquire' }
  | { readonly do: 'try' }
  | { readonly do: 'tick' }
  | { readonly do: 'cancel' | 'release'; readonly who: number }
  | { readonly do: 'total'; readonly total: number }

const who = fc.nat(12)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ do: 'acquire' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'try' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'tick' }) },
  { weight: 3, arbitrary: who.map((it): Step => ({ do: 'cancel', who: it })) },
  { weight: 4, arbitrary: who.map((it): Step => ({ do: 'release', who: it })) },
  { weight: 1, arbitrary: fc.nat(4).map((total): Step => ({ do: 'total', total })) },
)

/** What a limiter should do, said with two lists. */
class Reference {
  total: number
  readonly said: string[] = []
  holding: number[] = []
  waiting: number[] = []

  constructor(total: number) {
    this.total = total
  }

  acquire(borrower: number): void {
    this.said[borrower] = 'waits'
    this.waiting.push(borrower)
    this.serve()
  }

  cancel(borrower: number): void {
    if (!this.waiting.includes(borrower)) return
    this.waiting = this.waiting.filter(it => it !== borrower)
    this.said[borrower] = 'EXO_ABORTED'
  }

  release(borrower: number): boolean {
    const held = this.holding.includes(borrower)
    this.holding = this.holding.filter(it => it !== borrower)
    this.serve()
    return held
  }

  serve(): void {
    while (this.holding.length < this.total) {
      const next = this.waiting.shift()
      if (next === undefined) return
      this.holding.push(next)
      this.said[next] = 'done'
    }
  }
}

async function playLimiter(total: number, steps: readonly Step[]): Promise<void> {
  const limiter = new CapacityLimiter(total)
  const model = new Reference(total)
  const borrowers: Cancellable[] = []
  const outcomes: { readonly said: string }[] = []
  for (const it of steps) {
    if (it.do === 'tick') await Promise.resolve()
    else if (it.do === 'total') {
      limiter.total = model.total = it.total
      model.serve()
    } else if (it.do === 'acquire') {
      const borrower = new Cancellable()
      model.acquire(borrowers.push(borrower) - 1)
      outcomes.push(outcome(limiter.acquireOnBehalfOf(borrower)))
    } else if (it.do === 'try') {
      const borrower = new Cancellable()
      const isFree = model.holding.length < model.total
      const code = codeOf(() => limiter.tryAcquireOnBehalfOf(borrower))
      expect(code).toBe(isFree ? 'nothing thrown' : 'EXO_WOULD_BLOCK')
      if (!isFree) continue
      model.acquire(borrowers.push(borrower) - 1)
      outcomes.push({ said: 'done' })
    } else {
      const borrower = borrowers[it.who]
      if (!borrower) continue
      if (it.do === 'cancel') {
        model.cancel(it.who)
        borrower.cancel()
      } else {
        const code = codeOf(() => limiter.releaseOnBehalfOf(borrower))
        expect(code).toBe(model.release(it.who) ? 'nothing thrown' : 'EXO_LOCK_MISUSE')
      }
    }
    expect(limiter.statistics).toEqual({
      total: model.total,
      borrowed: model.holding.length,
      available: Math.max(0, model.total - model.holding.length),
      borrowers: model.holding.map(index => borrowers[index]),
      waiting: model.waiting.length,
    })
  }
  await settled()
  expect(outcomes.map(({ said }) => said)).toEqual(model.said)
  for (const [index, borrower] of borrowers.entries())
    expect(borrower.listeners).toBe(model.waiting.includes(index) ? 1 : 0)
}

async function playSemaphore(value: number, steps: readonly Step[]): Promise<void> {
  const semaphore = new Semaphore(value)
  const model = new Reference(value)
  const sources: Cancellable[] = []
  const outcomes: { readonly said: string }[] = []
  for (const it of steps) {
    if (it.do === 'tick') await Promise.resolve()
    else if (it.do === 'acquire') {
      const source = new Cancellable()
      model.acquire(sources.push(source) - 1)
      outcomes.push(outcome(semaphore.acquire(source)))
    } else if (it.do === 'cancel') {
      model.cancel(it.who)
      sources[it.who]?.cancel()
    } else if (it.do === 'release') {
      // Nobody owns a permit: each release is one more, for the first who waits.
      model.total += 1
      model.serve()
      semaphore.release()
    }
    expect([semaphore.value, semaphore.waiting]).toEqual([
      model.total - model.holding.length,
      model.waiting.length,
    ])
  }
  await settled()
  expect(outcomes.map(({ said }) => said)).toEqual(model.said)
  expect(sources.reduce((sum, { listeners }) => sum + listeners, 0)).toBe(model.waiting.length)
}

describe('permits and tokens, whoever comes, goes and is cancelled in whatever order,', () => {
  it('of a capacity limiter are never lost, doubled or lent out of turn', async () => {
    const steps = fc.array(step, { maxLength: 60 })
    await fc.assert(fc.asyncProperty(fc.nat(3), steps, playLimiter), { numRuns: 500 })
  })

  it('of a semaphore are never lost, doubled or given out of turn', async () => {
    const steps = fc.array(step, { maxLength: 60 })
    await fc.assert(fc.asyncProperty(fc.nat(3), steps, playSemaphore), { numRuns: 500 })
  })
})
