import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createStopMatcher } from '../../src/models/stop-matcher.ts'
import { faultOf } from './temporary-model.ts'

function run(stops: readonly string[], pieces: readonly string[]) {
  const matcher = createStopMatcher(stops)
  const shown: string[] = []
  let stopped = false
  for (const piece of pieces) {
    const result = matcher.push(piece)
    shown.push(result.text)
    stopped = result.stopped
  }
  return { shown, stopped, whole: shown.join('') + matcher.flush() }
}

/** The definition, letter by letter: the first end of any stop text; of those that end there the longest. */
function reference(stops: readonly string[], text: string): { whole: string; stopped: boolean } {
  for (let end = 1; end <= text.length; end++) {
    const ending = stops.filter(stop => text.slice(0, end).endsWith(stop)).map(stop => stop.length)
    if (ending.length > 0) return { whole: text.slice(0, end - Math.max(...ending)), stopped: true }
  }
  return { whole: text, stopped: false }
}

describe('createStopMatcher', () => {
  it('finds a stop text that is spread over several pieces', () => {
    expect(run(['\n\nUser:'], ['Hi.\n', '\nUs', 'er: more'])).toEqual({
      shown: ['Hi.', '', ''],
      stopped: true,
      whole: 'Hi.',
    })
  })

  it('holds back only what could be the beginning of a stop text', () => {
    expect(run(['abc'], ['xxab', 'd', 'a'])).toEqual({
      shown: ['xx', 'abd', ''],
      stopped: false,
      whole: 'xxabda',
    })
  })

  it('says while it holds something back', () => {
    const matcher = createStopMatcher(['ab'])
    matcher.push('xa')
    expect(matcher.pending).toBe(true)
    matcher.push('c')
    expect(matcher.pending).toBe(false)
  })

  it('takes the stop text that is complete first, and of those the longest', () => {
    expect(run(['world', 'hello'], ['say hello world']).whole).toBe('say ')
    expect(run(['b', 'ab', 'abcd'], ['xabcd']).whole).toBe('x')
  })

  it('drops all that comes after a stop text', () => {
    const matcher = createStopMatcher(['.'])
    expect(matcher.push('a.b')).toEqual({ text: 'a', stopped: true })
    expect(matcher.push('c')).toEqual({ text: '', stopped: true })
    expect(matcher.flush()).toBe('')
  })

  it('passes everything on without stop texts', () => {
    expect(run([], ['a', '', 'b'])).toEqual({ shown: ['a', '', 'b'], stopped: false, whole: 'ab' })
  })

  it('gives the same for every way to cut a text into pieces, and never a part of the stop text found', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 40 })
    const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 6 }), {
      maxLength: 4,
    })
    fc.assert(
      fc.property(stops, fc.array(letters, { maxLength: 8 }), (texts, pieces) => {
        const { whole, stopped } = run(texts, pieces)
        expect({ whole, stopped }).toEqual(reference(texts, pieces.join('')))
      }),
      { numRuns: 2_000 },
    )
  })

  it('refuses more than 16 stop texts, an empty one and one of more than 256 characters', async () => {
    const cases: [string[], string][] = [
      [Array(17).fill('x'), 'stop has 17 texts; expected at most 16'],
      [['a', ''], 'stop[1] has 0 characters; expected 1 to 256'],
      [['x'.repeat(257)], 'stop[0] has 257 characters; expected 1 to 256'],
    ]
    for (const [stops, message] of cases) {
      expect(await faultOf(() => createStopMatcher(stops))).toMatchObject({
        code: 'EXO_REQUEST_INVALID',
        message,
      })
    }
    expect(createStopMatcher(Array(16).fill('x'.repeat(256))).push('y').text).toBe('y')
  })
})
