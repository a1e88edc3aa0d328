import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  duration,
  durationBetween,
  formatDuration,
  longestDuration,
  parseDuration,
  parseProbeRatio,
  probeRatio,
} from '../../src/config/units.ts'

describe('a duration', () => {
  it.each([
    ['200ms', 200],
    ['10s', 10_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1.5s', 1_500],
    ['1.001s', 1_001],
    ['0ms', 0],
  ])('reads %s', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds)
    expect(duration.parse(text)).toBe(milliseconds)
  })

  it('takes a whole number as milliseconds', () => {
    expect(duration.parse(250)).toBe(250)
  })

  it.each([
    '',
    '10',
    '10 s',
    '-1s',
    '1d',
    '1e3s',
    '0.5ms',
    '99999999999s',
    '577h',
    1.5,
    -1,
    Number.NaN,
    null,
  ])('refuses %j', value => {
    expect(duration.safeParse(value).success).toBe(false)
  })

  it('is never longer than a timer of Node.js can hold', () => {
    expect(longestDuration).toBeLessThan(2 ** 31)
    expect(duration.parse(longestDuration)).toBe(longestDuration)
    expect(duration.safeParse(longestDuration + 1).success).toBe(false)
  })

  it('has a lower bound where one is asked for, in both forms', () => {
    expect(durationBetween(10).safeParse('9ms').success).toBe(false)
    expect(durationBetween(10).safeParse(9).success).toBe(false)
    expect(durationBetween(10).parse('10ms')).toBe(10)
  })

  it('is written so that it reads back as the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: longestDuration }), milliseconds => {
        expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds)
      }),
    )
  })
})

describe('a ratio', () => {
  it('reads 3 of 5', () => {
    expect(probeRatio.parse('3 of 5')).toEqual({ failures: 3, of: 5 })
  })

  it.each(['0 of 5', '6 of 5', '3/5', '3 of', '1 of 101', ''])('refuses %j', text => {
    expect(parseProbeRatio(text)).toBeUndefined()
    expect(probeRatio.safeParse(text).success).toBe(false)
  })
})
