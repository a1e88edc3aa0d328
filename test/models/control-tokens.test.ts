import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { controlTokenGuard } from '../../src/models/control-tokens.ts'

describe('controlTokenGuard', () => {
  it('breaks a control token up with a space, and leaves one of a single character out', () => {
    const guard = controlTokenGuard(['<s>', '<|end|>', '😀', '\u{e000}'])
    expect(guard('a <s> b <|end|>')).toBe('a < s> b < |end|>')
    expect(guard('x😀y')).toBe('xy')
    expect(guard('nothing of note')).toBe('nothing of note')
    expect(guard('<\u{e000}s>')).toBe('< s>')
  })

  it('changes nothing where there are no control tokens', () => {
    expect(controlTokenGuard([])('<s>')).toBe('<s>')
    expect(controlTokenGuard([''])('<s>')).toBe('<s>')
  })

  it('takes the characters of a token for what they are', () => {
    expect(controlTokenGuard(['[.*]', '(a|b)', '\\d', '$^{1}+?/'])('[xx] a \\d [.*] 5 $^{1}+?/ (a|b)')).toBe(
      '[xx] a \\ d [ .*] 5 $ ^{1}+?/ ( a|b)',
    )
  })

  it('leaves no control token in any text, not even one that breaking up another makes', () => {
    const piece = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '<'), minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(
        fc.array(piece, { minLength: 1, maxLength: 4 }),
        fc.array(piece, { maxLength: 12 }),
        (tokens, text) => {
          const guarded = controlTokenGuard(tokens)(text.join(''))
          for (const token of tokens) expect(guarded).not.toContain(token)
        },
      ),
      { numRuns: 1_000 },
    )
  })
})
