import { z } from 'zod'
import { ExovisorError } from '../errors.ts'
import { shown } from './json-file.ts'
import type { RopeScaling } from './model.ts'

const factor = z.number().min(1).max(1e6)

const linear = z.object({ factor })

const llama3 = z
  .object({
    factor,
    low_freq_factor: z.number().positive().max(1e6),
    high_freq_factor: z.number().positive().max(1e6),
    original_max_position_embeddings: z.int().min(1).max(16_777_216),
  })
  .refine(scaling => scaling.high_freq_factor > scaling.low_freq_factor, {
    path: ['high_freq_factor'],
    message: 'expected more than low_freq_factor',
  })

/**
 * Reads `rope_scaling` of config.json (or `rope_parameters`, as newer files call it).
 * @throws EXO_ARCHITECTURE_UNKNOWN for a type that the engine does not compute, a ZodError for wrong numbers
 */
export function parseRopeScaling(
  path: string,
  raw: Record<string, unknown> | undefined,
): RopeScaling | undefined {
  const type = raw?.['rope_type'] ?? raw?.['type'] ?? 'default'
  switch (type) {
    case 'default':
      return undefined
    case 'linear':
      return { type: 'linear', factor: linear.parse(raw).factor }
    case 'llama3': {
      const parsed = llama3.parse(raw)
      return {
        type: 'llama3',
        factor: parsed.factor,
        lowFrequencyFactor: parsed.low_freq_factor,
        highFrequencyFactor: parsed.high_freq_factor,
        originalContextLength: parsed.original_max_position_embeddings,
      }
    }
    default:
      throw new ExovisorError(
        'EXO_ARCHITECTURE_UNKNOWN',
        `${path}: rope_scaling type is ${shown(type)}; expected default, linear or llama3`,
        { details: { path, field: 'rope_scaling', value: shown(type) } },
      )
  }
}
