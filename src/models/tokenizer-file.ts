import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ExovisorError } from '../errors.ts'
import { isObject, parseJsonObject, readSmallFile, shown } from './json-file.ts'

/** The largest tokenizer.json that is read; those of large vocabularies have about 30 MB. */
export const maxTokenizerBytes = 128 * 1_024 * 1_024
const maxTokens = 4_194_304
const maxAddedTokens = 65_536
const maxAddedTokenLength = 1_024

/** The decoders whose result for a longer sequence starts with that for a shorter one, which streaming needs. */
const decoderTypes = [
  'ByteLevel',
  'Metaspace',
  'BPEDecoder',
  'Sequence',
  'Replace',
  'ByteFallback',
  'Fuse',
  'Strip',
]

/** A token that is found in the text before the tokenizer's model sees it. */
interface AddedToken {
  readonly id: number
  readonly content: string
  /** Part of the control language between tokenizer and model, and not of any text. */
  readonly special: boolean
  /** Looked for in the normalised text, not in the text as it was given. */
  readonly normalized: boolean
}

/** A tokenizer.json whose parts that we depend on are checked. */
export interface TokenizerFile {
  readonly path: string
  readonly content: Record<string, unknown>
  readonly addedTokens: readonly AddedToken[]
  /** The highest id plus one. */
  readonly vocabSize: number
}

/**
 * Reads tokenizer.json and checks that it is a BPE tokenizer of a kind that is computed correctly here.
 * @throws EXO_TOKENIZER_INVALID saying what was found and what is supported
 */
export async function readTokenizerFile(directory: string): Promise<TokenizerFile> {
  const path = join(directory, 'tokenizer.json')
  const bytes = await readSmallFile(path, maxTokenizerBytes, 'EXO_TOKENIZER_INVALID')
  if (bytes === undefined) throw await missing(directory, path)
  const content = parseJsonObject(path, bytes, 'EXO_TOKENIZER_INVALID')
  const highest = checkModel(path, content['model'])
  checkDecoder(path, content['decoder'] ?? null)
  const addedTokens = parseAddedTokens(path, content['added_tokens'] ?? [])
  const vocabSize = 1 + addedTokens.reduce((top, token) => Math.max(top, token.id), highest)
  return { path, content, addedTokens, vocabSize }
}

async function missing(directory: string, path: string): Promise<ExovisorError> {
  const sentencePiece = await stat(join(directory, 'tokenizer.model')).catch(() => undefined)
  const found = sentencePiece ? '; found only tokenizer.model (SentencePiece), which is not supported' : ''
  return invalid(path, `is missing${found}; expected a BPE tokenizer.json`)
}

/** Returns the highest id of the vocabulary. */
function checkModel(path: string, model: unknown): number {
  if (!isObject(model)) throw invalid(path, `has model ${shown(model)}; expected an object of type BPE`)
  const type =
    model['type'] ?? (isObject(model['vocab']) && Array.isArray(model['merges']) ? 'BPE' : undefined)
  if (type !== 'BPE') throw invalid(path, `has a model of type ${shown(type)}; only BPE is supported`)
  for (const field of ['dropout', 'continuing_subword_prefix']) {
    if (model[field])
      throw invalid(path, `has model.${field} ${shown(model[field])}; only BPE without it is supported`)
  }
  const { vocab, merges, unk_token: unknown } = model
  if (!isObject(vocab))
    throw invalid(path, `has model.vocab ${shown(vocab)}; expected an object of tokens and ids`)
  if (!Array.isArray(merges) || merges.length > maxTokens || !merges.every(isMerge)) {
    throw invalid(path, `has wrong model.merges; expected at most ${maxTokens} pairs of tokens`)
  }
  if (
    unknown !== undefined &&
    unknown !== null &&
    (typeof unknown !== 'string' || !Object.hasOwn(vocab, unknown))
  ) {
    throw invalid(path, `has model.unk_token ${shown(unknown)}; expected a token of model.vocab`)
  }
  let highest = -1
  for (const [token, id] of Object.entries(vocab)) {
    if (!isTokenId(id))
      throw invalid(path, `gives token ${shown(token)} the id ${shown(id)}; expected ${idRange}`)
    if (id > highest) highest = id
  }
  return highest
}

const idRange = `a whole number from 0 to ${maxTokens - 1}`

const isTokenId = (id: unknown): id is number =>
  typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < maxTokens

const isMerge = (merge: unknown): boolean =>
  typeof merge === 'string' ||
  (Array.isArray(merge) && merge.length === 2 && typeof merge[0] === 'string' && typeof merge[1] === 'string')

function checkDecoder(path: string, decoder: unknown, depth = 0): void {
  if (decoder === null) return
  const type = isObject(decoder) ? decoder['type'] : decoder
  if (!isObject(decoder) || typeof type !== 'string' || !decoderTypes.includes(type) || depth > 4) {
    throw invalid(path, `has a decoder of type ${shown(type)}; supported are ${decoderTypes.join(', ')}`)
  }
  const { decoders } = decoder
  if (type === 'Sequence' && Array.isArray(decoders))
    for (const part of decoders) checkDecoder(path, part, depth + 1)
}

function parseAddedTokens(path: string, list: unknown): readonly AddedToken[] {
  if (!Array.isArray(list) || list.length > maxAddedTokens) {
    throw invalid(path, `has wrong added_tokens; expected a list of at most ${maxAddedTokens}`)
  }
  return list.map((token: unknown, index) => {
    const { id, content, special, normalized } = isObject(token) ? token : {}
    const fits = typeof content === 'string' && content.length > 0 && content.length <= maxAddedTokenLength
    if (!isTokenId(id) || !fits) {
      throw invalid(
        path,
        `has added_tokens[${index}] ${shown(token)}; expected a content of 1 to ${maxAddedTokenLength} characters and an id that is ${idRange}`,
      )
    }
    return { id, content, special: special === true, normalized: normalized === true }
  })
}

function invalid(path: string, fault: string): ExovisorError {
  return new ExovisorError('EXO_TOKENIZER_INVALID', `${path} ${fault}`, { details: { path } })
}
