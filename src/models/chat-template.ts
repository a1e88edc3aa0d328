import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Template } from '@huggingface/jinja'
import { ExovisorError } from '../errors.ts'
import { isObject, readSmallFile, shown } from './json-file.ts'

const maxTemplateLength = 256 * 1_024
const maxRenderedLength = 16 * 1_024 * 1_024

/** Renders the messages of a chat into the text that the model was trained on, up to where its answer begins. */
export type ChatTemplate = (
  messages: readonly { readonly role: string; readonly content: string }[],
) => string

/**
 * Finds and compiles the chat template of a model: chat_template.jinja if there is one, else chat_template of
 * tokenizer_config.json, of several the one that is called default.
 *
 * @param config the content of tokenizer_config.json; its named tokens (bos_token and so on) are given to the template
 * @returns undefined if the model has none
 * @throws EXO_TEMPLATE_INVALID
 */
export async function readChatTemplate(
  directory: string,
  config: Record<string, unknown>,
): Promise<ChatTemplate | undefined> {
  const path = join(directory, 'chat_template.jinja')
  const ownFile = await stat(path).catch(() => undefined)
  const bytes = ownFile && (await readSmallFile(path, maxTemplateLength, 'EXO_TEMPLATE_INVALID'))
  const where = bytes ? path : `chat_template of ${join(directory, 'tokenizer_config.json')}`
  const source = bytes ? bytes.toString('utf8') : chosenTemplate(where, config['chat_template'])
  return source === undefined ? undefined : compile(where, source, namedTokens(config))
}

function chosenTemplate(where: string, value: unknown): string | undefined {
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined
  const named = Array.isArray(value) ? value.filter(isObject) : []
  const chosen =
    named.find(entry => entry['name'] === 'default') ?? (named.length === 1 ? named[0] : undefined)
  const source = chosen?.['template']
  if (typeof source === 'string') return source
  throw new ExovisorError(
    'EXO_TEMPLATE_INVALID',
    `${where} is ${shown(value)}; expected a text, or a list of name and template with one called default`,
  )
}

/** The tokens that tokenizer_config.json names, such as bos_token, by these names. */
export function namedTokens(config: Record<string, unknown>): Readonly<Record<string, string>> {
  const named: Record<string, string> = {}
  for (const [name, value] of Object.entries(config)) {
    if (!name.endsWith('_token')) continue
    const content = isObject(value) ? value['content'] : value
    if (typeof content === 'string') named[name] = content
  }
  return named
}

function compile(where: string, source: string, tokens: Readonly<Record<string, string>>): ChatTemplate {
  if (source.length > maxTemplateLength) {
    throw new ExovisorError(
      'EXO_TEMPLATE_INVALID',
      `${where} has ${source.length} characters; expected at most ${maxTemplateLength}`,
    )
  }
  const template = guarded(where, 'does not compile', () => new Template(source))
  return messages => {
    const plain = messages.map(({ role, content }) => ({ role, content }))
    const text: unknown = guarded(where, 'refuses these messages', () =>
      template.render({ ...tokens, messages: plain, add_generation_prompt: true }),
    )
    if (typeof text === 'string' && text.length <= maxRenderedLength) return text
    throw new ExovisorError(
      'EXO_TEMPLATE_INVALID',
      `${where} gave more than ${maxRenderedLength} characters, or no text at all`,
    )
  }
}

function guarded<Result>(where: string, fault: string, run: () => Result): Result {
  try {
    return run()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ExovisorError('EXO_TEMPLATE_INVALID', `${where} ${fault}: ${reason.slice(0, 500)}`, {
      cause: error,
    })
  }
}
