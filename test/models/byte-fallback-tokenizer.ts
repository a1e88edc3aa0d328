import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { changed, temporaryDirectory } from './temporary-model.ts'

const words = [
  '▁',
  'a',
  'b',
  'c',
  'd',
  'e',
  'h',
  'i',
  'l',
  'o',
  't',
  '.',
  ',',
  '\u{fffd}',
  '▁a',
  '▁t',
  '▁th',
  '▁the',
  'he',
  'll',
]
const merges = ['▁ a', '▁ t', '▁t h', '▁th e', 'h e', 'l l']

export const byteFallback = {
  specials: ['<unk>', '<s>', '</s>'],
  /** Id of the byte token for a byte. */
  byte: (value: number) => 3 + value,
  /** Id of a token of several characters, or of one. */
  word: (token: string) => 3 + 256 + words.indexOf(token),
  vocabSize: 3 + 256 + words.length,
}

/** Writes a tokenizer of the kind of Llama 2: a space in front of any text, bytes for what the vocabulary lacks. */
export function writeByteFallbackTokenizer(changes: Readonly<Record<string, unknown>> = {}): string {
  const directory = temporaryDirectory()
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  )
  const tokens = [...byteFallback.specials, ...bytes, ...words]
  const content = {
    version: '1.0',
    added_tokens: byteFallback.specials.map((text, id) => ({
      id,
      content: text,
      special: true,
      normalized: false,
    })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: '▁' },
        { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  }
  writeFileSync(join(directory, 'tokenizer.json'), JSON.stringify(changed(content, changes)))
  return directory
}
