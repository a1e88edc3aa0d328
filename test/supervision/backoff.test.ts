import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/concurrency/random.ts'
import { backoffDelay, longestBackoff } from '../../src/supervision/backoff.ts'
import type { BackoffPolicy } from '../../src/supervision/policy.ts'

const policies: fc.Arbitrary<BackoffPolicy> = fc.record({
  initial: fc.nat(5_000),
  factor: fc.double({ min: 1, max: 100, noNaN: true }),
  max: fc.nat(100_000),
  jitter: fc.constantFrom('none', 'full', 'equal', 'decorrelated'),
  resetAfter: fc.constant(60_000),
})
const base = { initial: 200, factor: 2, max: 30_000, resetAfter: 60_000 }

describe('the backoff', () => {
  it('lies between nothing and its maximum for any policy, attempt and chance', () => {
    fc.assert(
      fc.property(
        policies,
        fc.nat(100_000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(200_000),
        (policy, attempt, chance, previous) => {
          const delay = backoffDelay(policy, attempt, () => chance, previous)
          expect(delay).toBeGreaterThanOrEqual(0)
          expect(delay).toBeLessThanOrEqual(policy.max)
        },
      ),
    )
  })

  it('without jitter doubles up to its maximum', () => {
    const delays = Array.from({ length: 9 }, (_, attempt) =>
      backoffDelay({ ...base, jitter: 'none' }, attempt, () => 0.9, 0),
    )
    expect(delays).toEqual([200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000])
  })

  it('with full jitter is anything up to the delay, with equal jitter anything in its upper half', () => {
    const ends = (jitter: 'full' | 'equal') =>
      [0, 1 - Number.EPSILON].map(chance => Math.round(backoffDelay({ ...base, jitter }, 2, () => chance, 0)))
    expect(ends('full')).toEqual([0, 800])
    expect(ends('equal')).toEqual([400, 800])
  })

  it('with decorrelated jitter is anything from the first delay to three times the one before, whatever the factor', () => {
    const policy = { ...base, jitter: 'decorrelated' } as const
    const ends = (attempt: number, previous: number) =>
      [0, 1 - Number.EPSILON].map(chance =>
        Math.round(backoffDelay({ ...policy, factor: 7 }, attempt, () => chance, previous)),
      )
    expect(ends(1, 1_000)).toEqual([200, 3_000])
    expect(ends(5, 25_000)).toEqual([200, 30_000])
    expect(ends(3, 10)).toEqual([200, 200])
  })

  it('with decorrelated jitter starts anew at the first attempt, and then grows with the delays it gave', () => {
    const policy = { ...base, jitter: 'decorrelated' } as const
    expect(backoffDelay(policy, 0, () => 0.5, 20_000)).toBe(400)
    const delays: number[] = []
    for (let attempt = 0; attempt < 6; attempt += 1)
      delays.push(backoffDelay(policy, attempt, () => 1, delays.at(-1) ?? 0))
    expect(delays).toEqual([600, 1_800, 5_400, 16_200, 30_000, 30_000])
  })

  it('is capped after the jitter: far beyond the cap chance matters no more', () => {
    expect(backoffDelay({ ...base, jitter: 'full' }, 40, () => 0.01, 0)).toBe(30_000)
    expect(backoffDelay({ ...base, jitter: 'full' }, 8, () => 0.1, 0)).toBe(5_120)
  })

  it('is a number at any attempt: nothing stays nothing, and what overflows is capped', () => {
    for (const jitter of ['none', 'full', 'equal'] as const) {
      expect(backoffDelay({ ...base, initial: 0, jitter }, 5_000, () => 0.5, 0)).toBe(0)
      expect(backoffDelay({ ...base, jitter }, 5_000, () => 0, 0)).toBe(30_000)
    }
  })

  it('repeats with the seed of its chance', () => {
    const run = (random: () => number) =>
      Array.from({ length: 5 }, (_, attempt) => backoffDelay({ ...base, jitter: 'full' }, attempt, random, 0))
    expect(run(seededRandom(3))).toEqual(run(seededRandom(3)))
  })

  it('never takes longer in sum than longestBackoff says, and without jitter exactly as long', () => {
    fc.assert(
      fc.property(policies, fc.nat(60), fc.nat(), (policy, count, seed) => {
        const random = seededRandom(seed)
        let sum = 0
        for (let attempt = 0, delay = 0; attempt < count; attempt += 1) {
          delay = backoffDelay(policy, attempt, random, delay)
          sum += delay
        }
        const longest = longestBackoff(policy, count)
        expect(sum).toBeLessThanOrEqual(longest * (1 + 1e-9) + 1e-6)
        if (policy.jitter === 'none') expect(sum).toBeCloseTo(longest, 3)
      }),
    )
  })

  it('sums any number of delays in the time of those that grow: none of them when they stay the same, or are nothing', () => {
    const most = Number.MAX_SAFE_INTEGER
    const sum = (change: Partial<BackoffPolicy>) =>
      longestBackoff({ ...base, jitter: 'none', ...change }, most)
    expect(sum({})).toBe(51_000 + (most - 8) * 30_000)
    expect(sum({ factor: 1 })).toBe(200 * most)
    expect(sum({ initial: 0 })).toBe(0)
  })

  it('sums 100,000 delays at once', () => {
    expect(longestBackoff({ ...base, jitter: 'none' }, 100_000)).toBe(51_000 + 99_992 * 30_000)
  })
})
