import { ExovisorError } from '../errors.ts'

/** How the next token is chosen. See `sample` for the order in which these are applied. */
export interface SamplingParameters {
  /** Divides the logits. 0 is greedy: always the best token. */
  readonly temperature: number
  /** Only the best `topK` tokens stay. 0 is off. */
  readonly topK: number
  /** Only the best tokens that together reach this probability stay, at least one. 1 is off. */
  readonly topP: number
  /** Only tokens with at least this share of the best token's probability stay. 0 is off. */
  readonly minP: number
  /** Above 1, tokens that stand in the sequence already become less likely. 1 is off. */
  readonly repetitionPenalty: number
  /** The same seed gives the same tokens. */
  readonly seed: number
}

/** Plain sampling from the model's own distribution. The seed is fixed: who wants variety draws one. */
const defaultSampling: SamplingParameters = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  seed: 0,
}

interface Range {
  readonly min: number
  readonly max: number
  readonly whole: boolean
}

const ranges: Readonly<Record<keyof SamplingParameters, Range>> = {
  temperature: { min: 0, max: 100, whole: false },
  topK: { min: 0, max: 16_777_216, whole: true },
  topP: { min: 0, max: 1, whole: false },
  minP: { min: 0, max: 1, whole: false },
  repetitionPenalty: { min: 0.01, max: 100, whole: false },
  seed: { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER, whole: true },
}

const isName = (name: string): name is keyof SamplingParameters => Object.hasOwn(ranges, name)

/**
 * Checks parameters from outside and fills in plain sampling for what is not given. A value of undefined counts as not given.
 * @throws EXO_SAMPLING_INVALID naming the parameter, the value and the range
 */
export function parseSampling(partial: Partial<SamplingParameters>): SamplingParameters {
  const parsed: Record<keyof SamplingParameters, number> = { ...defaultSampling }
  for (const [name, value] of Object.entries(partial)) {
    if (!isName(name)) {
      throw new ExovisorError(
        'EXO_SAMPLING_INVALID',
        `unknown sampling parameter ${JSON.stringify(name.slice(0, 64))}; expected one of ${Object.keys(ranges).join(', ')}`,
        { details: { parameter: name.slice(0, 64) } },
      )
    }
    if (value !== undefined) parsed[name] = checked(name, value)
  }
  return parsed
}

function checked(name: keyof SamplingParameters, value: unknown): number {
  const { min, max, whole } = ranges[name]
  if (typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value)))
    return value
  const shown =
    typeof value === 'number' ? String(value) : (JSON.stringify(value)?.slice(0, 64) ?? typeof value)
  const expected = `a ${whole ? 'whole number' : 'number'} from ${min} to ${max}`
  throw new ExovisorError(
    'EXO_SAMPLING_INVALID',
    `sampling parameter ${name} is ${shown}; expected ${expected}`,
    {
      details: { parameter: name, value: shown, expected },
    },
  )
}
