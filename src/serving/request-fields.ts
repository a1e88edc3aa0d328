import { z } from 'zod'
import type { GenerationRequest } from '../cluster/generation.ts'

/** A field that may be left out; null counts as left out, as OpenAI's clients send it for that. */
const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform(value => value ?? undefined)

/** A field that changes nothing here, whatever its value. */
export const ignored = z.unknown().optional()

/** A field of something that is not done here: taken only with the value that asks for nothing. */
export const neutral = (asksNothing: (value: unknown) => boolean, expected: string) =>
  z
    .unknown()
    .optional()
    .refine(value => value === undefined || value === null || asksNothing(value), { error: expected })

const isEmpty = (value: unknown) =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0
export const isEmptyArray = (value: unknown) => Array.isArray(value) && value.length === 0
const isOneOf =
  (...values: readonly unknown[]) =>
  (value: unknown) =>
    values.includes(value)

export const maxTokensField = optional(z.int().min(1).max(1_048_576))

const stopText = z.string().min(1).max(256)

/** The fields that a chat and a plain completion have in common. */
export const commonFields = {
  model: z.string().min(1).max(256),
  stream: optional(z.boolean()),
  stream_options: optional(
    z.strictObject({ include_usage: optional(z.boolean()), include_obfuscation: ignored }),
  ),
  max_tokens: maxTokensField,
  temperature: optional(z.number().min(0).max(2)),
  top_p: optional(z.number().min(0).max(1)),
  top_k: optional(z.int().min(0).max(16_777_216)),
  min_p: optional(z.number().min(0).max(1)),
  repetition_penalty: optional(z.number().min(0.01).max(100)),
  seed: optional(z.int()),
  stop: optional(z.union([stopText, z.array(stopText).max(16)])),

  user: ignored,
  metadata: ignored,
  store: ignored,
  service_tier: ignored,
  safety_identifier: ignored,
  prompt_cache_key: ignored,

  n: neutral(isOneOf(1), 'expected 1, as one request gives one choice'),
  frequency_penalty: neutral(isOneOf(0), 'expected 0, as only repetition_penalty is supported'),
  presence_penalty: neutral(isOneOf(0), 'expected 0, as only repetition_penalty is supported'),
  logit_bias: neutral(isEmpty, 'expected no bias, as it is not supported'),
} as const

/** Fields of OpenAI's chat for things that are not done here. */
export const neutralChatFields = {
  logprobs: neutral(isOneOf(false), 'expected false, as log probabilities are not supported'),
  top_logprobs: neutral(isOneOf(0), 'expected 0, as log probabilities are not supported'),
  tools: neutral(isEmptyArray, 'expected no tools, as they are not supported'),
  tool_choice: neutral(isOneOf('none', 'auto'), 'expected none, as tools are not supported'),
  parallel_tool_calls: ignored,
  functions: neutral(isEmptyArray, 'expected no functions, as they are not supported'),
  function_call: neutral(isOneOf('none', 'auto'), 'expected none, as functions are not supported'),
  modalities: neutral(
    value => Array.isArray(value) && value.every(isOneOf('text')),
    'expected ["text"], as only text is supported',
  ),
  response_format: neutral(
    value => typeof value === 'object' && value !== null && 'type' in value && value.type === 'text',
    'expected {"type":"text"}, as structured output is not supported',
  ),
} as const

/** Fields of OpenAI's plain completion for things that are not done here. */
export const neutralCompletionFields = {
  best_of: neutral(isOneOf(1), 'expected 1, as one request gives one choice'),
  echo: neutral(isOneOf(false), 'expected false, as the prompt is not repeated'),
  logprobs: neutral(isOneOf(), 'expected none, as log probabilities are not supported'),
  suffix: neutral(isOneOf(''), 'expected none, as text is not filled in before a suffix'),
} as const

interface SamplingFields {
  readonly temperature?: number | undefined
  readonly top_p?: number | undefined
  readonly top_k?: number | undefined
  readonly min_p?: number | undefined
  readonly repetition_penalty?: number | undefined
  readonly seed?: number | undefined
}

/** The sampling parameters that a body gives; the model has the others. */
export function samplingOf(body: SamplingFields): NonNullable<GenerationRequest['sampling']> {
  return {
    ...(body.temperature !== undefined && { temperature: body.temperature }),
    ...(body.top_p !== undefined && { topP: body.top_p }),
    ...(body.top_k !== undefined && { topK: body.top_k }),
    ...(body.min_p !== undefined && { minP: body.min_p }),
    ...(body.repetition_penalty !== undefined && { repetitionPenalty: body.repetition_penalty }),
    ...(body.seed !== undefined && { seed: body.seed }),
  }
}
