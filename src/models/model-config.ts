import { z } from 'zod'
import { ExovisorError } from '../errors.ts'
import { isObject, shown } from './json-file.ts'
import type { ModelConfig } from './model.ts'
import { parseRopeScaling } from './rope-scaling.ts'

const size = (max: number) => z.int().min(1).max(max)

/** The numbers of a Llama configuration; the defaults are those of Hugging Face transformers. */
const llamaSchema = z.object({
  hidden_size: size(65_536),
  num_hidden_layers: size(1_024),
  num_attention_heads: size(1_024),
  num_key_value_heads: size(1_024).nullish(),
  head_dim: size(1_024).nullish(),
  intermediate_size: size(1_048_576),
  vocab_size: size(4_194_304),
  max_position_embeddings: size(16_777_216).default(2_048),
  rms_norm_eps: z.number().positive().max(1).default(1e-6),
  rope_theta: z.number().min(1).max(1e12).nullish(),
  rope_parameters: z.object({ rope_theta: z.number().min(1).max(1e12).nullish() }).nullish(),
  tie_word_embeddings: z.boolean().default(false),
})

/** Features of the Llama family that the engine does not compute, with the only value that it takes. */
const onlyValue: readonly (readonly [field: string, value: unknown])[] = [
  ['hidden_act', 'silu'],
  ['attention_bias', false],
  ['mlp_bias', false],
  ['partial_rotary_factor', 1],
  ['quantization_config', null],
]

/**
 * Checks config.json and turns it into what the engine needs to know.
 * @param path named in messages
 * @throws EXO_ARCHITECTURE_UNKNOWN for a model that the engine cannot compute, EXO_MODEL_INVALID for wrong values
 */
export function parseModelConfig(path: string, raw: Record<string, unknown>): ModelConfig {
  requireLlama(path, raw)
  for (const [field, value] of onlyValue) {
    const found = raw[field]
    if (found !== undefined && found !== null && found !== value) {
      throw unsupported(path, field, found, value === null ? 'none' : shown(value))
    }
  }
  try {
    return llamaConfig(path, raw)
  } catch (error) {
    throw error instanceof z.ZodError ? wrongValue(path, raw, error) : error
  }
}

function llamaConfig(path: string, raw: Record<string, unknown>): ModelConfig {
  const parsed = llamaSchema.parse(raw)
  const rope = [raw['rope_scaling'], raw['rope_parameters']].find(isObject)
  const heads = parsed.num_attention_heads
  const kvHeads = parsed.num_key_value_heads ?? heads
  const headDim = parsed.head_dim ?? parsed.hidden_size / heads
  if (heads % kvHeads !== 0) {
    throw invalid(path, 'num_key_value_heads', kvHeads, `a divisor of num_attention_heads (${heads})`)
  }
  if (!Number.isInteger(headDim)) {
    throw invalid(path, 'num_attention_heads', heads, `a divisor of hidden_size (${parsed.hidden_size})`)
  }
  if (headDim % 2 !== 0) throw invalid(path, 'head_dim', headDim, 'an even number')
  return {
    architecture: 'llama',
    hiddenSize: parsed.hidden_size,
    layers: parsed.num_hidden_layers,
    heads,
    kvHeads,
    headDim,
    intermediateSize: parsed.intermediate_size,
    vocabSize: parsed.vocab_size,
    contextLength: parsed.max_position_embeddings,
    rmsNormEps: parsed.rms_norm_eps,
    ropeTheta: parsed.rope_theta ?? parsed.rope_parameters?.rope_theta ?? 10_000,
    ropeScaling: parseRopeScaling(path, rope),
    tiedEmbeddings: parsed.tie_word_embeddings,
  }
}

function requireLlama(path: string, raw: Record<string, unknown>): void {
  const { architectures, model_type: type } = raw
  const named = Array.isArray(architectures) && architectures.length > 0
  if (named ? architectures[0] === 'LlamaForCausalLM' : type === 'llama') return
  const [field, value] = named ? ['architectures', architectures] : ['model_type', type]
  throw unsupported(
    path,
    field,
    value,
    'LlamaForCausalLM (model_type llama), the architecture that the engine knows',
  )
}

function unsupported(path: string, field: string, value: unknown, expected: string): ExovisorError {
  return new ExovisorError(
    'EXO_ARCHITECTURE_UNKNOWN',
    `${path}: ${field} is ${shown(value)}; expected ${expected}`,
    {
      details: { path, field, value: shown(value), expected },
    },
  )
}

function invalid(path: string, field: string, value: unknown, expected: string): ExovisorError {
  return new ExovisorError(
    'EXO_MODEL_INVALID',
    `${path}: ${field} is ${shown(value)}; expected ${expected}`,
    {
      details: { path, field, value: shown(value), expected },
    },
  )
}

function wrongValue(path: string, raw: Record<string, unknown>, error: z.ZodError): ExovisorError {
  const issue = error.issues[0]
  const field = issue?.path.map(String).join('.') || 'rope_scaling'
  const last = String(issue?.path.at(-1) ?? field)
  const holders = [raw, raw['rope_parameters'], raw['rope_scaling']].filter(isObject)
  const value = holders.find(holder => Object.hasOwn(holder, last))?.[last]
  return invalid(path, field, value, issue?.message ?? 'a number within the limits')
}
