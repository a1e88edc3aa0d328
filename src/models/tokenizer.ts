import { join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import { ExovisorError } from '../errors.ts'
import { type ChatTemplate, namedTokens, readChatTemplate } from './chat-template.ts'
import { controlTokenGuard } from './control-tokens.ts'
import { parseJsonObject, readSmallFile } from './json-file.ts'
import { readTokenizerFile, type TokenizerFile } from './tokenizer-file.ts'

const maxConfigBytes = 16 * 1_024 * 1_024
const maxTextLength = 16 * 1_024 * 1_024

/** Text to ids and back, as the model was trained. */
export interface ModelTokenizer {
  /** The highest id plus one; a model may have more logits than that. */
  readonly vocabSize: number
  readonly hasChatTemplate: boolean
  /**
   * Ids of a text. The text of a control token becomes that token, as tokenizer.json says.
   * @param options.addSpecial whether the tokens that belong around any text (a begin token) are added. Default: true
   * @throws EXO_PROMPT_TOO_LONG for more than 16 Mi characters
   */
  encode(text: string, options?: { readonly addSpecial?: boolean }): number[]
  /** Text of ids. Control tokens, and ids that are no tokens, give nothing. Spaces before punctuation stay. */
  decode(ids: readonly number[]): string
  /** True if {@link decode} gives something for this id. */
  isText(id: number): boolean
  /**
   * The messages of a chat as text, ready for `encode` with `addSpecial: false`: the template adds what is needed.
   * The text of a control token inside a message is broken up, so that it stays text.
   *
   * @throws EXO_TEMPLATE_INVALID if the model has no chat template, or it refuses these messages
   * @throws EXO_REQUEST_INVALID for a role that is no word
   */
  chat(messages: readonly { readonly role: string; readonly content: string }[]): string
}

/**
 * Reads tokenizer.json, and tokenizer_config.json and chat_template.jinja if they are there.
 * @param directory a model directory
 * @throws EXO_TOKENIZER_INVALID, EXO_TEMPLATE_INVALID
 */
export async function loadTokenizer(directory: string): Promise<ModelTokenizer> {
  const file = await readTokenizerFile(directory)
  const path = join(directory, 'tokenizer_config.json')
  const bytes = await readSmallFile(path, maxConfigBytes, 'EXO_TOKENIZER_INVALID')
  const config = bytes ? parseJsonObject(path, bytes, 'EXO_TOKENIZER_INVALID') : {}
  const template = await readChatTemplate(directory, config)
  return createTokenizer(file, config, template)
}

function createTokenizer(
  file: TokenizerFile,
  config: Record<string, unknown>,
  template: ChatTemplate | undefined,
): ModelTokenizer {
  const tokenizer = construct(file)
  const named = new Set(Object.values(namedTokens(config)))
  const control = file.addedTokens.filter(token => token.special || named.has(token.content))
  const controlIds = new Set(file.addedTokens.filter(token => token.special).map(token => token.id))
  const isText = (id: number): boolean => !controlIds.has(id) && tokenizer.id_to_token(id) !== undefined
  const encode = (text: string, addSpecial: boolean): number[] => {
    if (text.length <= maxTextLength) return tokenizer.encode(text, { add_special_tokens: addSpecial }).ids
    throw new ExovisorError(
      'EXO_PROMPT_TOO_LONG',
      `the text has ${text.length} characters; expected at most ${maxTextLength}`,
    )
  }
  const decode = (ids: readonly number[]): string => {
    const text = ids.filter(isText)
    return text.length === 0 ? '' : tokenizer.decode(text, { clean_up_tokenization_spaces: false })
  }
  const breakUp = controlTokenGuard(control.map(token => token.content))
  // A control token that is looked for after normalisation can come out of other characters than its own.
  const hidden = control.some(token => token.normalized) && tokenizer.normalizer !== null
  const asText = (content: string): string => {
    const broken = breakUp(content)
    if (!hidden) return broken
    const ids = encode(broken, false)
    return ids.every(id => !controlIds.has(id)) ? broken : breakUp(decode(ids))
  }
  return {
    vocabSize: file.vocabSize,
    hasChatTemplate: template !== undefined,
    encode: (text, options) => encode(text, options?.addSpecial ?? true),
    decode,
    isText,
    chat(messages) {
      if (template === undefined) {
        throw new ExovisorError('EXO_TEMPLATE_INVALID', `the model of ${file.path} has no chat template`)
      }
      return template(
        messages.map(({ role, content }) => ({ role: checkedRole(role), content: asText(content) })),
      )
    },
  }
}

function construct({ path, content }: TokenizerFile): Tokenizer {
  const parts = {
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    added_tokens: [],
  }
  try {
    const tokenizer = new Tokenizer({ ...parts, ...content }, {})
    tokenizer.encode('a')
    return tokenizer
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ExovisorError('EXO_TOKENIZER_INVALID', `${path} is not supported: ${reason.slice(0, 500)}`, {
      details: { path },
      cause: error,
    })
  }
}

function checkedRole(role: string): string {
  if (/^[A-Za-z][\w-]{0,31}$/.test(role)) return role
  throw new ExovisorError(
    'EXO_REQUEST_INVALID',
    `the role of a message is ${JSON.stringify(role.slice(0, 64))}; expected a word such as user`,
    { details: { value: role.slice(0, 64) } },
  )
}
