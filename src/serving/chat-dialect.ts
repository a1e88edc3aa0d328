import { z } from 'zod'
import type { ChatMessage } from '../cluster/generation.ts'
import { ExovisorError } from '../errors.ts'
import { type AnswerHead, type Dialect, usageOf } from './dialect.ts'
import { parseBody } from './parse-body.ts'
import {
  commonFields,
  ignored,
  isEmptyArray,
  maxTokensField,
  neutral,
  neutralChatFields,
  samplingOf,
} from './request-fields.ts'

const textPart = z.strictObject({
  type: z.literal('text', { error: 'expected "text", as other parts are not supported' }),
  text: z.string(),
})
const content = z.union([z.string(), z.array(textPart).max(256)], {
  error: 'expected a string or text parts',
})

const message = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content,
  name: ignored,
  // Answers of OpenAI's API carry these, and callers send answers back as they got them.
  refusal: neutral(() => false, 'expected null'),
  annotations: ignored,
  audio: neutral(() => false, 'expected null, as only text is supported'),
  tool_calls: neutral(isEmptyArray, 'expected no tool calls, as tools are not supported'),
  function_call: neutral(() => false, 'expected null, as functions are not supported'),
})

const chatBody = z.strictObject({
  ...commonFields,
  messages: z.array(message).min(1).max(512),
  max_completion_tokens: maxTokensField,
  ...neutralChatFields,
})

type Content = z.output<typeof content>

// Templates know system, not developer, the name that OpenAI gave to the same role later.
function chatMessage({ role, content }: { role: string; content: Content }): ChatMessage {
  const text = typeof content === 'string' ? content : content.map(part => part.text).join('')
  return { role: role === 'developer' ? 'system' : role, content: text }
}

const chunk = (head: AnswerHead, choices: readonly object[]) => ({
  id: head.id,
  object: 'chat.completion.chunk',
  created: head.created,
  model: head.model,
  choices,
})

const choice = (delta: object, reason: string | null) => ({
  index: 0,
  delta,
  logprobs: null,
  finish_reason: reason,
})

/** OpenAI's chat completions. */
export const chatDialect: Dialect = {
  path: '/v1/chat/completions',
  idPrefix: 'chatcmpl-',

  parse(body) {
    const it = parseBody(chatBody, body)
    const maxTokens = it.max_completion_tokens ?? it.max_tokens
    return {
      model: it.model,
      generation: {
        prompt: { messages: it.messages.map(chatMessage) },
        sampling: samplingOf(it),
        ...(maxTokens !== undefined && { maxTokens }),
        ...(it.stop !== undefined && { stop: typeof it.stop === 'string' ? [it.stop] : it.stop }),
      },
      stream: it.stream ?? false,
      includeUsage: it.stream_options?.include_usage ?? false,
    }
  },

  admit(model) {
    if (model.chat) return
    throw new ExovisorError(
      'EXO_TEMPLATE_INVALID',
      `model "${model.id}" has no chat template; ask POST /v1/completions with a prompt`,
      { details: { param: 'model' } },
    )
  },

  whole: (head, done) => ({
    id: head.id,
    object: 'chat.completion',
    created: head.created,
    model: head.model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: done.text, refusal: null },
        logprobs: null,
        finish_reason: done.finishReason,
      },
    ],
    usage: usageOf(done),
  }),

  opening: head => [chunk(head, [choice({ role: 'assistant', content: '', refusal: null }, null)])],
  piece: (head, text) => chunk(head, [choice({ content: text }, null)]),
  closing: (head, reason) => chunk(head, [choice({}, reason)]),
  usage: (head, usage) => ({ ...chunk(head, []), usage }),
}
