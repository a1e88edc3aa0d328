import type { ModelConfig, RopeScaling } from '../models/model.ts'

/** Cosines and sines for rotary embedding, `[context, headDim / 2]` each. */
export interface RopeTables {
  readonly cos: Float32Array
  readonly sin: Float32Array
}

/** Angle per position of one pair of dimensions, after stretching. The llama3 scheme is that of Llama 3.1's release. */
function scaled(frequency: number, scaling: RopeScaling | undefined): number {
  if (!scaling) return frequency
  if (scaling.type === 'linear') return frequency / scaling.factor
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContextLength } = scaling
  const turns = (originalContextLength * frequency) / (2 * Math.PI)
  if (turns > high) return frequency
  if (turns < low) return frequency / factor
  const blend = (turns - low) / (high - low)
  return ((1 - blend) * frequency) / factor + blend * frequency
}

/** The tables for positions 0 to `context - 1`. */
export function ropeTables(
  { headDim, ropeTheta, ropeScaling }: Pick<ModelConfig, 'headDim' | 'ropeTheta' | 'ropeScaling'>,
  context: number,
): RopeTables {
  const pairs = headDim / 2
  const cos = new Float32Array(context * pairs)
  const sin = new Float32Array(context * pairs)
  for (let pair = 0; pair < pairs; pair++) {
    const frequency = scaled(ropeTheta ** (-pair / pairs), ropeScaling)
    for (let position = 0; position < context; position++) {
      cos[position * pairs + pair] = Math.cos(position * frequency)
      sin[position * pairs + pair] = Math.sin(position * frequency)
    }
  }
  return { cos, sin }
}
