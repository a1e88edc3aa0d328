import { describe, expect, it } from 'vitest'
import { StageTimes } from '../../src/cluster/stage-times.ts'

describe('the times of the stages', () => {
  it('are those of each stage', () => {
    const times = new StageTimes()
    times.add([1, 2, 3])
    expect([0, 1, 2].map(stage => times.median(stage))).toEqual([1, 2, 3])
  })

  it('are the median of the last 32 tokens, so that one late step does not count', () => {
    const times = new StageTimes()
    for (let token = 0; token < 100; token += 1) times.add([9_000])
    for (let token = 0; token < 32; token += 1) times.add([token === 5 ? 80 : 2])
    expect(times.median(0)).toBe(2)
  })

  it('are unknown before the first token, and for a stage that is not there', () => {
    const times = new StageTimes()
    expect(times.median(0)).toBeUndefined()
    times.add([1])
    expect(times.median(1)).toBeUndefined()
  })
})
