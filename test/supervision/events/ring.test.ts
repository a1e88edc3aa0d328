import { describe, expect, it } from 'vitest'
import { Ring } from '../../../src/supervision/events/ring.ts'

describe('a ring', () => {
  it('gives the newest ones up to its capacity, or as many as are asked for, the oldest of them first', () => {
    const ring = new Ring<number>(3)
    const told = [1, 2, 3, 4, 5].map(item => {
      ring.push(item)
      return [ring.last(), ring.last(2), ring.last(0), ring.last(9)]
    })
    expect(told).toEqual([
      [[1], [1], [], [1]],
      [[1, 2], [1, 2], [], [1, 2]],
      [[1, 2, 3], [2, 3], [], [1, 2, 3]],
      [[2, 3, 4], [3, 4], [], [2, 3, 4]],
      [[3, 4, 5], [4, 5], [], [3, 4, 5]],
    ])
  })

  it('holds nothing before the first', () => {
    expect([new Ring(3).last(), new Ring(3).last(2)]).toEqual([[], []])
  })
})
