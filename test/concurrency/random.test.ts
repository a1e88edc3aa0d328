import { describe, expect, it } from 'vitest'
import { realRandom, seededRandom } from '../../src/concurrency/random.ts'

const take = (count: number, random: () => number) => Array.from({ length: count }, random)

describe('random numbers', () => {
  it('of one seed are always the same, on every machine', () => {
    expect(take(3, seededRandom(42))).toEqual(take(3, seededRandom(42)))
    expect(take(3, seededRandom(1)).map(number => Math.floor(number * 1e6))).toMatchInlineSnapshot(`
      [
        588393,
        73188,
        590310,
      ]
    `)
  })

  it('of neighbouring seeds differ', () => {
    expect(new Set(take(100, () => 0).map((_, seed) => seededRandom(seed)())).size).toBe(100)
  })

  it.each([
    ['seeded', seededRandom(7)],
    ['real', realRandom],
  ])('that are %s fill [0, 1) evenly', (_, random) => {
    const buckets = Array.from({ length: 10 }, () => 0)
    for (const number of take(20_000, random)) {
      expect(number >= 0 && number < 1).toBe(true)
      buckets[Math.floor(number * 10)]! += 1
    }
    for (const count of buckets) expect(Math.abs(count - 2_000)).toBeLessThan(300)
  })
})
