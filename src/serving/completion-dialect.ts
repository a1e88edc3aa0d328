import { z } from 'zod'
import { type AnswerHead, type Dialect, usageOf } from './dialect.ts'
import { parseBody } from './parse-body.ts'
import { commonFields, neutralCompletionFields, samplingOf } from './request-fields.ts'

const isPrompt = (value: unknown): value is string | readonly [string] =>
  typeof value === 'string' || (Array.isArray(value) && value.length === 1 && typeof value[0] === 'string')

const completionBody = z.strictObject({
  ...commonFields,
  prompt: z.custom<string | readonly [string]>(isPrompt, {
    error: 'expected a string, or an array with one string; token ids are not supported',
  }),
  ...neutralCompletionFields,
})

const answer = (head: AnswerHead, choices: readonly object[]) => ({
  id: head.id,
  object: 'text_completion',
  created: head.created,
  model: head.model,
  choices,
})

const choice = (text: string, reason: string | null) => ({
  index: 0,
  text,
  logprobs: null,
  finish_reason: reason,
})

/** OpenAI's plain completions. */
export const completionDialect: Dialect = {
  path: '/v1/completions',
  idPrefix: 'cmpl-',

  parse(body) {
    const it = parseBody(completionBody, body)
    return {
      model: it.model,
      generation: {
        prompt: typeof it.prompt === 'string' ? it.prompt : it.prompt[0],
        sampling: samplingOf(it),
        ...(it.max_tokens !== undefined && { maxTokens: it.max_tokens }),
        ...(it.stop !== undefined && { stop: typeof it.stop === 'string' ? [it.stop] : it.stop }),
      },
      stream: it.stream ?? false,
      includeUsage: it.stream_options?.include_usage ?? false,
    }
  },

  admit() {
    // Any model can go on with a text.
  },

  whole: (head, done) => ({
    ...answer(head, [choice(done.text, done.finishReason)]),
    usage: usageOf(done),
  }),

  opening: () => [],
  piece: (head, text) => answer(head, [choice(text, null)]),
  closing: (head, reason) => answer(head, [choice('', reason)]),
  usage: (head, usage) => ({ ...answer(head, []), usage }),
}
