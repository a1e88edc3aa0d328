import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { partitionLayers } from '../../src/cluster/partition.ts'

const counts = (layers: number, weights: number[]) =>
  partitionLayers(layers, weights).map(([first, end]) => end - first)

describe('partitionLayers', () => {
  it('drops no layer and doubles none, for any number of nodes, layers and weights', () => {
    const weight = fc.oneof(fc.double(), fc.integer({ min: 0, max: 2 ** 40 }))
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.array(weight, { minLength: 1, maxLength: 40 }),
        (layers, weights) => {
          const ranges = partitionLayers(layers, weights)
          expect(ranges).toHaveLength(weights.length)
          const covered = ranges.flatMap(([first, end]) =>
            Array.from({ length: end - first }, (_, i) => first + i),
          )
          expect(covered).toEqual(Array.from({ length: layers }, (_, i) => i))
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('gives each node a layer while there are enough, and the entry always one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 60 }),
        (layers, weights) => {
          const shares = counts(layers, weights)
          expect(shares[0]).toBeGreaterThan(0)
          expect(shares.filter(share => share > 0)).toHaveLength(Math.min(layers, weights.length))
        },
      ),
    )
  })

  it('keeps equal nodes within one layer of each other', () => {
    expect(counts(5, [8, 8])).toEqual([3, 2])
    expect(counts(5, [8, 8, 8])).toEqual([2, 2, 1])
    expect(counts(32, [1, 1, 1, 1, 1])).toEqual([7, 7, 6, 6, 6])
  })

  it('follows the memory of the nodes', () => {
    expect(counts(8, [3, 1])).toEqual([6, 2])
    expect(counts(32, [16, 8, 8])).toEqual([16, 8, 8])
  })

  it('leaves the lightest nodes out when there are more nodes than layers', () => {
    expect(counts(3, [1, 9, 2, 7])).toEqual([1, 1, 0, 1])
  })

  it('never gives a heavier node fewer layers than a lighter one, the entry aside', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 2, maxLength: 10 }),
        (layers, weights) => {
          const shares = counts(layers, weights)
          for (let a = 1; a < weights.length; a += 1)
            for (let b = 1; b < weights.length; b += 1)
              if (weights[a]! > weights[b]!) expect(shares[a]).toBeGreaterThanOrEqual(shares[b]!)
        },
      ),
    )
  })
})
