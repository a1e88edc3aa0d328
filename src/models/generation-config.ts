import { z } from 'zod'
import { ExovisorError } from '../errors.ts'
import { shown } from './json-file.ts'
import type { GenerationDefaults } from './model.ts'

/** A model names a handful of end tokens; more than this is a broken file. */
const maxEndTokens = 64

const tokenFields = (vocabSize: number) => {
  const id = z
    .int()
    .min(0)
    .max(vocabSize - 1)
  return { eos_token_id: z.union([id, z.array(id).max(maxEndTokens)]).nullish(), bos_token_id: id.nullish() }
}

const samplingFields = {
  do_sample: z.boolean().nullish(),
  temperature: z.number().min(0).max(100).nullish(),
  top_k: z.int().min(0).max(16_777_216).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().min(0.01).max(100).nullish(),
}

interface JsonFile {
  readonly path: string
  readonly content: Record<string, unknown>
}

/**
 * Joins what config.json and generation_config.json say on generation; the latter wins.
 *
 * `do_sample: false` makes greedy the default. Where do_sample is left out, the file is silent and sampling stays the
 * default, unlike in transformers, whose `generate` is greedy then. What the file does not give is not set either:
 * transformers' own default of top_k 50 is not taken over.
 *
 * @throws EXO_MODEL_INVALID naming the file and the field
 */
export function parseGenerationDefaults(
  config: JsonFile,
  generation: JsonFile | undefined,
  vocabSize: number,
): GenerationDefaults {
  const tokens = z.object(tokenFields(vocabSize))
  const base = parse(tokens, config)
  const own = generation && parse(tokens.extend(samplingFields), generation)
  const end = own?.eos_token_id ?? base.eos_token_id ?? []
  const bosTokenId = own?.bos_token_id ?? base.bos_token_id
  const greedy = own?.do_sample === false
  const temperature = greedy ? 0 : own?.temperature
  return {
    eosTokenIds: typeof end === 'number' ? [end] : end,
    ...given('bosTokenId', bosTokenId),
    ...given('temperature', temperature),
    ...given('topK', greedy ? undefined : own?.top_k),
    ...given('topP', greedy ? undefined : own?.top_p),
    ...given('minP', greedy ? undefined : own?.min_p),
    ...given('repetitionPenalty', own?.repetition_penalty),
  }
}

function given<Name extends string>(
  name: Name,
  value: number | null | undefined,
): { [key in Name]?: number } {
  const field: { [key in Name]?: number } = {}
  if (value !== undefined && value !== null) field[name] = value
  return field
}

function parse<Schema extends z.ZodObject>(schema: Schema, { path, content }: JsonFile): z.output<Schema> {
  const result = schema.safeParse(content)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const field = String(issue?.path[0])
  throw new ExovisorError(
    'EXO_MODEL_INVALID',
    `${path}: ${field} is ${shown(content[field])}; expected a value within the limits (${issue?.message})`,
    { details: { path, field, value: shown(content[field]) } },
  )
}
