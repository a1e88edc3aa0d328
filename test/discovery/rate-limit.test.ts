import { describe, expect, it } from 'vitest'
import { RateLimit } from '../../src/discovery/rate-limit.ts'

const admitted = (limit: RateLimit, source: string, count: number, now: number) =>
  Array.from({ length: count }, () => limit.admit(source, now)).filter(Boolean).length

describe('the rate limit', () => {
  it('admits so many of one source at once, and so many each second', () => {
    const limit = new RateLimit({ perSource: 10, total: 1_000, sources: 100 }, 0)
    expect(admitted(limit, 'a', 50, 0)).toBe(10)
    expect(admitted(limit, 'a', 50, 500)).toBe(5)
    expect(admitted(limit, 'b', 50, 500)).toBe(10)
    expect(admitted(limit, 'a', 50, 60_000)).toBe(10)
  })

  it('admits no more of all sources together, however many are forged', () => {
    const limit = new RateLimit({ perSource: 10, total: 25, sources: 100 }, 0)
    const sum = Array.from({ length: 1_000 }, (_, index) => limit.admit(`s${index}`, 0)).filter(
      Boolean,
    ).length
    expect(sum).toBe(25)
  })
})
