import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDetokenizer } from '../../src/models/detokenizer.ts'
import { loadTokenizer, type ModelTokenizer } from '../../src/models/tokenizer.ts'
import { byteFallback, writeByteFallbackTokenizer } from './byte-fallback-tokenizer.ts'
import { hasStories, stories, storiesDirectory } from './stories.ts'
import { editJson, temporaryModel } from './temporary-model.ts'

const fixture = fileURLToPath(new URL('../fixtures/tiny-llama', import.meta.url))
const { byte, word } = byteFallback
const bytesOf = (text: string): number[] => Array.from(new TextEncoder().encode(text), byte)

/** The pieces that a detokeniser gives, and the whole with what it gives at the end. */
function stream(tokenizer: ModelTokenizer, promptIds: readonly number[], ids: readonly number[]) {
  const detokenizer = createDetokenizer(tokenizer, promptIds)
  const pieces = ids.map(id => detokenizer.push(id))
  return { pieces, whole: pieces.join('') + detokenizer.flush() }
}

/** decode(prompt + ids) without decode(prompt); a character that the prompt began belongs to the ids. */
function continuation(
  tokenizer: ModelTokenizer,
  promptIds: readonly number[],
  ids: readonly number[],
): string {
  const before = tokenizer.decode(promptIds)
  const all = tokenizer.decode([...promptIds, ...ids])
  return all.slice(all.startsWith(before) ? before.length : before.length - 1)
}

describe('createDetokenizer', () => {
  it('keeps the space between prompt and answer that only the beginning of a text loses', async () => {
    const tokenizer = await loadTokenizer(writeByteFallbackTokenizer())
    const the = word('▁the')
    expect(stream(tokenizer, [1, the], [the, the]).pieces).toEqual([' the', ' the'])
    expect(stream(tokenizer, [1], [the, the]).pieces).toEqual(['the', ' the'])
    expect(stream(tokenizer, [], [the]).pieces).toEqual(['the'])
    expect(stream(tokenizer, [], []).whole).toBe('')
  })

  it('holds a character back until its last byte has come', async () => {
    const tokenizer = await loadTokenizer(writeByteFallbackTokenizer())
    expect(stream(tokenizer, [1, word('a')], bytesOf('é😀')).pieces).toEqual(['', 'é', '', '', '', '😀'])
  })

  it('says while it holds something back, and gives U+FFFD for it at the end', async () => {
    const detokenizer = createDetokenizer(await loadTokenizer(writeByteFallbackTokenizer()), [1])
    expect(detokenizer.push(byte(0xe6))).toBe('')
    expect(detokenizer.pending).toBe(true)
    expect(detokenizer.flush()).toBe('\u{fffd}')
    expect(detokenizer.pending).toBe(false)
    expect(detokenizer.flush()).toBe('')
  })

  it('gives a broken character as soon as it is known to be broken', async () => {
    const tokenizer = await loadTokenizer(writeByteFallbackTokenizer())
    const ids = [byte(0xe6), byte(0xe6), word('a')]
    expect(stream(tokenizer, [1, word('a')], ids).pieces).toEqual(['', '\u{fffd}', '\u{fffd}a'])
  })

  it('finishes the character that the prompt left incomplete', async () => {
    const tokenizer = await loadTokenizer(writeByteFallbackTokenizer())
    const [first = 0, ...rest] = bytesOf('日')
    expect(stream(tokenizer, [1, first], [...rest, word('a')]).pieces).toEqual(['', '日', 'a'])
    const replacement = bytesOf('\u{fffd}')
    expect(stream(tokenizer, [1, ...replacement], [word('a')]).pieces).toEqual(['a'])
  })

  it('gives nothing for control tokens and for ids that are no tokens', async () => {
    const tokenizer = await loadTokenizer(writeByteFallbackTokenizer())
    const ids = [0, 2, 100_000, -1, word('a')]
    expect(stream(tokenizer, [1], ids).pieces).toEqual(['', '', '', '', 'a'])
  })

  it('decodes a bounded window, however long the text and the prompt are', async () => {
    const tokenizer = await loadTokenizer(writeByteFallbackTokenizer())
    let longest = 0
    const watched: ModelTokenizer = {
      ...tokenizer,
      decode(ids) {
        longest = Math.max(longest, ids.length)
        return tokenizer.decode(ids)
      },
    }
    for (const endless of [word('▁the'), byte(0x80), byte(0xf0), word('▁'), word('\u{fffd}')]) {
      const detokenizer = createDetokenizer(watched, Array(10_000).fill(endless))
      for (let i = 0; i < 2_000; i++) detokenizer.push(endless)
    }
    expect(longest).toBeLessThan(70)
  })

  it('loses no character that spans the place where the window is cut', async () => {
    const directory = temporaryModel()
    // A token of no text at all: so a character of four bytes can span any number of tokens.
    editJson(directory, 'tokenizer.json', { 'model.vocab.': 272 })
    const cases: [string, (value: number) => number, number][] = [
      [writeByteFallbackTokenizer(), byte, word('a')],
      [directory, value => 4 + value, 272],
    ]
    for (const [path, idOf, other] of cases) {
      const tokenizer = await loadTokenizer(path)
      const id = fc.constantFrom(...[0x80, 0xf0, 0x9f, 0x98, 0xe6, 0x97, 0xa5].map(idOf), other)
      fc.assert(
        fc.property(fc.array(id, { minLength: 20, maxLength: 120 }), ids => {
          expect(stream(tokenizer, [], ids).whole).toBe(tokenizer.decode(ids))
        }),
        { numRuns: 500 },
      )
    }
  })

  const byteId = fc.oneof(
    fc.integer({ min: 0, max: 255 }),
    fc.constantFrom(0x20, 0x41, 0x80, 0xbf, 0xc3, 0xe6, 0x97, 0xa5, 0xed, 0xef, 0xbb, 0xf0, 0x9f, 0x98, 0xf4),
  )
  const text = fc.constantFrom('é', '日本', '😀👩‍👧', '\u{feff}', '\u{fffd}', ' a')

  it('gives in all what decoding everything at once gives, for any ids of a byte-fallback tokenizer', async () => {
    const tokenizer = await loadTokenizer(writeByteFallbackTokenizer())
    const id = fc.oneof(
      { arbitrary: byteId.map(value => [byte(value)]), weight: 4 },
      { arbitrary: text.map(bytesOf), weight: 1 },
      { arbitrary: fc.integer({ min: 0, max: byteFallback.vocabSize }).map(value => [value]), weight: 2 },
      { arbitrary: fc.integer({ min: 259, max: byteFallback.vocabSize }).map(value => [value]), weight: 2 },
    )
    const ids = fc.array(id, { maxLength: 60 }).map(parts => parts.flat())
    fc.assert(
      fc.property(ids, ids, (promptIds, generated) => {
        expect(stream(tokenizer, promptIds, generated).whole).toBe(
          continuation(tokenizer, promptIds, generated),
        )
      }),
      { numRuns: 1_500 },
    )
  })

  it('gives in all what decoding everything at once gives, for any ids of a byte-level tokenizer', async () => {
    const tokenizer = await loadTokenizer(fixture)
    const id = fc.oneof(
      byteId.map(value => [4 + value]),
      text.map(value => tokenizer.encode(value, { addSpecial: false })),
      fc.integer({ min: 0, max: tokenizer.vocabSize }).map(value => [value]),
    )
    const ids = fc.array(id, { maxLength: 60 }).map(parts => parts.flat())
    fc.assert(
      fc.property(ids, ids, (promptIds, generated) => {
        expect(stream(tokenizer, promptIds, generated).whole).toBe(
          continuation(tokenizer, promptIds, generated),
        )
      }),
      { numRuns: 1_000 },
    )
  })

  const models: readonly (readonly [name: string, directory: string, cases: typeof stories.cases])[] = [
    ['the tiny model', fixture, []],
    ...(hasStories ? [['a trained model', storiesDirectory, stories.cases] as const] : []),
  ]
  it.each(models)('gives the continuation of every known story of %s', async (_, directory, cases) => {
    const tokenizer = await loadTokenizer(directory)
    const written = 'Lily was in the park.\nThe “naïve” 日本 crab 😀 sang.'
    const ids = tokenizer.encode(written)
    expect(stream(tokenizer, ids.slice(0, 1), ids.slice(1)).whole).toBe(written)
    for (const { prompt_ids, generated_ids, continuation: expected } of cases) {
      expect(stream(tokenizer, prompt_ids, generated_ids).whole).toBe(expected)
    }
  })
})
