import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nearest } from '../../src/config/nearest.ts'
import { formatPath, parsePath } from '../../src/config/path.ts'

describe('a path', () => {
  it('is written as people write it', () => {
    expect(formatPath(['api', 'keys', '0'])).toBe('api.keys[0]')
    expect(formatPath(['supervision', 'names', 'peer:attic', 'shutdown'])).toBe(
      'supervision.names["peer:attic"].shutdown',
    )
    expect(formatPath([])).toBe('')
  })

  it('reads back as the same, whatever the keys are', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), path => {
        expect(parsePath(formatPath(path))).toEqual(path)
      }),
    )
  })

  it.each(['a..b', '.', 'a[', 'a["b]', 'a b'])('is not what %j is', text => {
    expect(parsePath(text)).toBeUndefined()
  })
})

describe('the nearest word', () => {
  it('is found whatever the case and punctuation are', () => {
    expect(nearest('START_TIMEOUT', ['startTimeout', 'shutdown'])).toBe('startTimeout')
    expect(nearest('shutdwn', ['startTimeout', 'shutdown'])).toBe('shutdown')
  })

  it('is nothing when nothing is near', () => {
    expect(nearest('zebra', ['startTimeout', 'shutdown', 'on'])).toBeUndefined()
  })
})
