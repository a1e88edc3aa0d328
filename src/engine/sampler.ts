import { ExovisorError } from '../errors.ts'
import { counterRandom } from './counter-random.ts'
import type { SamplingParameters } from './sampling-parameters.ts'
import { type Cut, cutRanking, orderedKey } from './top-selection.ts'

export { parseSampling, type SamplingParameters } from './sampling-parameters.ts'

/** Reused from call to call, so that a step allocates nothing of the vocabulary's size. Never read before written. */
let scores = new Float32Array(0)
let weights = new Float64Array(0)

/**
 * Chooses the next token. A pure function: the same arguments give the same token in any process, which is what lets
 * a generation go on elsewhere after a failure.
 *
 * The order is that of Hugging Face transformers: repetition penalty, temperature, top-k, top-p, min-p, and the draw
 * from what is left. Where it leaves ties open, the lower id is the better token: exactly top-k tokens stay.
 *
 * @param logits one per token of the vocabulary; not changed
 * @param idsSoFar prompt and generated ids, for the repetition penalty
 * @param position index that the chosen token will have in the sequence; it selects the random number
 * @throws EXO_ENGINE_FAILED for logits that are NaN, +Infinity, all -Infinity or none, and for ids beyond the logits
 */
export function sample(
  logits: Float32Array,
  idsSoFar: readonly number[] | Int32Array,
  parameters: SamplingParameters,
  position: number,
): number {
  const { temperature, topK, topP, minP } = parameters
  penalise(logits, idsSoFar, parameters.repetitionPenalty)
  const best = bestOf(scores)
  if (temperature === 0 || topK === 1) return best
  weigh(best, temperature, topK)
  if (topP < 1) keep(cutRanking(scoreBits(), weights, topP * sum(weights)))
  if (minP > 0) dropBelow(minP)
  return draw(counterRandom(parameters.seed, position))
}

const scoreBits = (): Int32Array => new Int32Array(scores.buffer, 0, scores.length)

/** Copies the logits to `scores`; a token that occurred gets its score divided (or multiplied, if negative), once. */
function penalise(logits: Float32Array, ids: readonly number[] | Int32Array, penalty: number): void {
  if (scores.length !== logits.length) {
    scores = new Float32Array(logits.length)
    weights = new Float64Array(logits.length)
  }
  scores.set(logits)
  if (penalty === 1) return
  for (const id of ids) {
    const logit = logits[id]
    if (logit === undefined) {
      throw new ExovisorError('EXO_ENGINE_FAILED', `id ${id} is beyond the ${logits.length} logits`, {
        details: { id },
      })
    }
    scores[id] = logit < 0 ? logit * penalty : logit / penalty
  }
}

function bestOf(values: Float32Array): number {
  let best = -1
  let highest = Number.NEGATIVE_INFINITY
  for (let id = 0; id < values.length; id++) {
    const value = values[id] ?? 0
    if (!(value < Number.POSITIVE_INFINITY)) {
      throw new ExovisorError(
        'EXO_ENGINE_FAILED',
        `the logit of token ${id} is ${value}; expected a number`,
        {
          details: { id, value: String(value) },
        },
      )
    }
    if (value > highest) {
      highest = value
      best = id
    }
  }
  if (best < 0) {
    throw new ExovisorError('EXO_ENGINE_FAILED', `none of the ${values.length} logits is above -Infinity`)
  }
  return best
}

/**
 * Unnormalised probabilities; that of the best token is 1, so that nothing overflows. Top-k is cut here, ahead of the
 * temperature, which does not change the ranking: so the exponential is taken of the tokens that stay only.
 */
function weigh(best: number, temperature: number, topK: number): void {
  weights.fill(1)
  if (topK > 0 && topK < scores.length) keep(cutRanking(scoreBits(), undefined, topK))
  const highest = scores[best] ?? 0
  for (let id = 0; id < scores.length; id++) {
    if (weights[id] !== 0) weights[id] = Math.exp(((scores[id] ?? 0) - highest) / temperature)
  }
}

/** Takes the weight from every token that the cut leaves out. */
function keep({ key, ties }: Cut): void {
  const bits = scoreBits()
  let left = ties
  for (let id = 0; id < bits.length; id++) {
    if (weights[id] === 0) continue
    const own = orderedKey(bits[id] ?? 0)
    if (own < key || (own === key && left-- <= 0)) weights[id] = 0
  }
}

function dropBelow(share: number): void {
  for (let id = 0; id < weights.length; id++) if ((weights[id] ?? 0) < share) weights[id] = 0
}

function sum(values: Float64Array): number {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i] ?? 0
  return total
}

function draw(random: number): number {
  const target = random * sum(weights)
  let passed = 0
  let last = 0
  for (let id = 0; id < weights.length; id++) {
    const weight = weights[id] ?? 0
    if (weight === 0) continue
    last = id
    passed += weight
    if (passed > target) return id
  }
  return last
}
