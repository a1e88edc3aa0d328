import { describe, expect, it } from 'vitest'
import { RecentMedian } from '../../src/observe/recent-median.ts'

describe('a recent median', () => {
  it('forgets what is older than its time', () => {
    let now = 0
    const median = new RecentMedian({ within: 100, most: 10, now: () => now })
    expect(median.value).toBeUndefined()
    median.note(9)
    now = 60
    median.note(1)
    median.note(3)
    expect(median.value).toBe(3)
    now = 101
    expect(median.value).toBe(1)
    now = 161
    expect(median.value).toBeUndefined()
  })

  it('keeps the newest values when there are too many', () => {
    const median = new RecentMedian({ within: 100, most: 3, now: () => 0 })
    for (const value of [1, 1, 1, 7, 8, 9]) median.note(value)
    expect(median.value).toBe(8)
  })
})
