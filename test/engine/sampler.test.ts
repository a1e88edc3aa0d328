import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseSampling, type SamplingParameters, sample } from '../../src/engine/sampler.ts'
import { faultOf } from '../models/temporary-model.ts'

const given = (parameters: Partial<SamplingParameters>): SamplingParameters => parseSampling(parameters)
const logitsOf = (...values: number[]): Float32Array => Float32Array.from(values)

/** How often each token is chosen over many positions. */
function counts(logits: Float32Array, parameters: SamplingParameters, draws: number): number[] {
  const tally: number[] = Array(logits.length).fill(0)
  for (let position = 0; position < draws; position++) {
    const id = sample(logits, [], parameters, position)
    tally[id] = (tally[id] ?? 0) + 1
  }
  return tally
}

const chosen = (logits: Float32Array, parameters: Partial<SamplingParameters>, draws = 400): number[] =>
  counts(logits, given(parameters), draws).flatMap((count, id) => (count > 0 ? [id] : []))

const greedyOf = (logits: Float32Array): number => logits.indexOf(Math.max(...logits))

/**
 * The tokens that the filters leave, straight from the definition: sort, then cut, one filter after the other.
 * Where top-p is reached to within rounding, the next token is let in as well.
 */
function leftBySorting(
  logits: Float32Array,
  { temperature, topK, topP, minP }: SamplingParameters,
): Set<number> {
  let ranking = Array.from(logits, (logit, id) => ({ logit, id })).sort(
    (a, b) => b.logit - a.logit || a.id - b.id,
  )
  const best = ranking[0]!.logit
  const weigh = (logit: number) => Math.exp((logit - best) / temperature)
  if (topK > 0) ranking = ranking.slice(0, topK)
  const total = ranking.reduce((sum, { logit }) => sum + weigh(logit), 0)
  let mass = 0
  if (topP < 1) {
    ranking = ranking.filter(({ logit }, rank) => {
      const stays = rank === 0 || mass < topP * total + 1e-9
      mass += weigh(logit)
      return stays
    })
  }
  return new Set(ranking.filter(({ logit }) => weigh(logit) >= minP - 1e-9).map(({ id }) => id))
}

const anyLogits = fc
  .array(fc.oneof(fc.integer({ min: -6, max: 6 }), fc.double({ min: -30, max: 30, noNaN: true })), {
    minLength: 1,
    maxLength: 80,
  })
  .map(values => Float32Array.from(values))

describe('sample', () => {
  it('takes the best token at temperature 0, of equal ones the one with the lowest id', () => {
    expect(sample(logitsOf(1, 3, 2), [], given({ temperature: 0 }), 0)).toBe(1)
    expect(sample(logitsOf(-5, 3, 3, 1), [], given({ temperature: 0 }), 7)).toBe(1)
    expect(sample(logitsOf(-1, -0, 0), [], given({ temperature: 0 }), 0)).toBe(1)
  })

  it('repeats a draw from seed and position, and changes it with either', () => {
    const flat = new Float32Array(4_096)
    const draw = (seed: number, position: number) => sample(flat, [], given({ seed }), position)
    expect(draw(5, 9)).toBe(draw(5, 9))
    const drawn = new Set(Array.from({ length: 50 }, (_, position) => draw(5, position)))
    expect(drawn.size).toBeGreaterThan(40)
    expect(new Set(Array.from({ length: 50 }, (_, seed) => draw(seed, 3))).size).toBeGreaterThan(40)
    expect(new Set([draw(2 ** 53 - 1, 0), draw(-1, 0), draw(1, 0), draw(-(2 ** 53) + 1, 0)]).size).toBe(4)
  })

  it('gives the same token in every release', () => {
    const flat = new Float32Array(1_000)
    const drawn = Array.from({ length: 6 }, (_, position) => sample(flat, [], given({ seed: 42 }), position))
    expect(drawn).toMatchInlineSnapshot(`
      [
        343,
        955,
        486,
        67,
        676,
        67,
      ]
    `)
  })

  it('does not remember the calls before and does not change the logits', () => {
    fc.assert(
      fc.property(anyLogits, anyLogits, fc.nat(1_000), (logits, others, position) => {
        const copy = logits.slice()
        const parameters = given({ topK: 7, topP: 0.9, minP: 0.01, temperature: 0.8, repetitionPenalty: 1.3 })
        const first = sample(logits, [0], parameters, position)
        sample(others, [], parameters, position + 1)
        expect(sample(logits, [0], parameters, position)).toBe(first)
        expect(logits).toEqual(copy)
      }),
    )
  })

  it('is greedy for a top-k of 1 and for a tiny top-p or temperature', () => {
    fc.assert(
      fc.property(anyLogits, fc.nat(1_000), (logits, position) => {
        expect(sample(logits, [], given({ topK: 1 }), position)).toBe(greedyOf(logits))
        expect(sample(logits, [], given({ topP: 1e-9 }), position)).toBe(greedyOf(logits))
        expect(sample(logits, [], given({ topP: 0 }), position)).toBe(greedyOf(logits))
        const cold = sample(logits, [], given({ temperature: 1e-300 }), position)
        expect(logits[cold] === logits[greedyOf(logits)]).toBe(true)
      }),
    )
  })

  it('chooses in the proportions of the softmax', () => {
    const logits = logitsOf(2, 1, 0, -1, -2, 1.5, Number.NEGATIVE_INFINITY)
    for (const temperature of [0.5, 1, 2]) {
      const draws = 20_000
      const weights = Array.from(logits, logit => Math.exp(logit / temperature))
      const total = weights.reduce((a, b) => a + b)
      const tally = counts(logits, given({ temperature, seed: 11 }), draws)
      const chiSquare = weights.reduce((sum, weight, id) => {
        const expected = (draws * weight) / total
        return expected === 0 ? sum : sum + ((tally[id] ?? 0) - expected) ** 2 / expected
      }, 0)
      expect(tally[6]).toBe(0)
      // 5 degrees of freedom: by chance above 25 once in 7000 seeds.
      expect(chiSquare).toBeLessThan(25)
    }
  })

  it('chooses from the tokens that top-k, top-p and min-p leave, and from all of them', () => {
    const filters = fc.record({
      topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 90 })),
      topP: fc.oneof(fc.constant(1), fc.double({ min: 0.01, max: 1, noNaN: true })),
      minP: fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: 1, noNaN: true })),
      temperature: fc.double({ min: 0.1, max: 3, noNaN: true }),
      seed: fc.nat(),
    })
    fc.assert(
      fc.property(anyLogits, filters, (logits, filter) => {
        const parameters = given(filter)
        const left = leftBySorting(logits, parameters)
        for (let position = 0; position < 20; position++) {
          expect(left).toContain(sample(logits, [], parameters, position))
        }
      }),
      { numRuns: 1_000 },
    )
    expect(chosen(logitsOf(0, 1, 2, 3), { topK: 2 })).toEqual([2, 3])
    expect(chosen(logitsOf(1, 1, 1, 1), { topK: 3 })).toEqual([0, 1, 2])
    expect(chosen(logitsOf(1, 1, 1, 1), { topP: 0.5 })).toEqual([0, 1])
    expect(chosen(logitsOf(1, 1, 1, 1), { topP: 0.51 })).toEqual([0, 1, 2])
    expect(chosen(logitsOf(1, 1, 1, 1), { topK: 3, topP: 0.51 })).toEqual([0, 1])
    expect(chosen(logitsOf(0, Math.log(0.5), Math.log(0.2)), { minP: 0.4 })).toEqual([0, 1])
    expect(chosen(logitsOf(0, 1, 2, 3), { topK: 4_000 })).toEqual([0, 1, 2, 3])
  })

  it('applies top-p to what top-k leaves, and min-p to what top-p leaves', () => {
    const logits = logitsOf(...[0.4, 0.3, 0.2, 0.1].map(Math.log))
    // Of 0.4 and 0.3 alone, the first has 0.57: top-p 0.5 is reached without the second.
    expect(chosen(logits, { topP: 0.5 })).toEqual([0, 1])
    expect(chosen(logits, { topK: 2, topP: 0.5 })).toEqual([0])
    expect(chosen(logits, { topP: 0.85, minP: 0.6 })).toEqual([0, 1])
  })

  it('chooses the same token when equal tokens change places', () => {
    const one = logitsOf(2, 1, 1, 0)
    for (let position = 0; position < 200; position++) {
      const swapped = sample(logitsOf(one[0]!, one[2]!, one[1]!, one[3]!), [], given({ topP: 0.9 }), position)
      expect(swapped).toBe(sample(one, [], given({ topP: 0.9 }), position))
    }
  })

  it('makes tokens that occurred less likely, once each, before the temperature', () => {
    const greedy = (penalty: number, ids: readonly number[] | Int32Array, ...values: number[]) =>
      sample(logitsOf(...values), ids, given({ temperature: 0, repetitionPenalty: penalty }), 0)
    expect(greedy(1, [0], 3, 2)).toBe(0)
    expect(greedy(2, [0], 3, 2)).toBe(1)
    expect(greedy(1.25, [0, 0, 0], 3, 2)).toBe(0)
    expect(greedy(2, Int32Array.of(0), -1, -1.5)).toBe(1)
    expect(greedy(0.5, [1], 3, 2)).toBe(1)
  })

  it('refuses logits that no token can be chosen from', async () => {
    const cases: [Float32Array, string][] = [
      [logitsOf(1, Number.NaN), 'the logit of token 1 is NaN; expected a number'],
      [logitsOf(Number.POSITIVE_INFINITY, 1), 'the logit of token 0 is Infinity; expected a number'],
      [logitsOf(Number.NEGATIVE_INFINITY), 'none of the 1 logits is above -Infinity'],
      [logitsOf(), 'none of the 0 logits is above -Infinity'],
    ]
    for (const [logits, message] of cases) {
      for (const temperature of [0, 1]) {
        const fault = await faultOf(() => sample(logits, [], given({ temperature }), 0))
        expect(fault).toMatchObject({ code: 'EXO_ENGINE_FAILED', message })
      }
    }
    const beyond = await faultOf(() => sample(logitsOf(1, 2), [2], given({ repetitionPenalty: 2 }), 0))
    expect(beyond).toMatchObject({ code: 'EXO_ENGINE_FAILED', message: 'id 2 is beyond the 2 logits' })
  })

  it('takes time in proportion to the vocabulary, whatever the logits are', () => {
    const fill = (size: number) => Float32Array.from({ length: size }, (_, id) => Math.sin(id * 12.9898) * 8)
    const parameters = given({ topK: 60_000, topP: 0.95, minP: 1e-6 })
    const time = (logits: Float32Array) => {
      let best = Number.POSITIVE_INFINITY
      for (let round = 0; round < 9; round++) {
        const start = performance.now()
        sample(logits, [], parameters, round)
        best = Math.min(best, performance.now() - start)
      }
      return best
    }
    time(fill(16_384))
    // 16 times the tokens; a sort of the larger one alone would take a hundred times as long.
    expect(time(fill(262_144)) / time(fill(16_384))).toBeLessThan(60)
  })
})

describe('parseSampling', () => {
  it('fills in plain sampling', () => {
    const plain = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 }
    expect(parseSampling({})).toEqual(plain)
    expect(parseSampling({ topK: 5, seed: -3 })).toEqual({ ...plain, topK: 5, seed: -3 })
  })

  it('names the parameter, the value and the range of what it refuses', async () => {
    const cases: [object, string][] = [
      [{ temperature: -0.1 }, 'sampling parameter temperature is -0.1; expected a number from 0 to 100'],
      [{ temperature: Number.NaN }, 'sampling parameter temperature is NaN; expected a number from 0 to 100'],
      [{ topK: 1.5 }, 'sampling parameter topK is 1.5; expected a whole number from 0 to 16777216'],
      [{ topP: 1.01 }, 'sampling parameter topP is 1.01; expected a number from 0 to 1'],
      [{ minP: -1 }, 'sampling parameter minP is -1; expected a number from 0 to 1'],
      [
        { repetitionPenalty: 0 },
        'sampling parameter repetitionPenalty is 0; expected a number from 0.01 to 100',
      ],
      [{ seed: 2 ** 53 }, /seed is 9007199254740992; expected a whole number from -9007199254740991/.source],
      [{ topP: '1' }, 'sampling parameter topP is "1"; expected a number from 0 to 1'],
      [{ temperature: null }, 'sampling parameter temperature is null; expected'],
      [{ top_k: 3 }, 'unknown sampling parameter "top_k"; expected one of temperature, topK'],
      [JSON.parse('{"__proto__":1}'), 'unknown sampling parameter "__proto__"'],
    ]
    for (const [partial, message] of cases) {
      const fault = await faultOf(() => parseSampling(partial))
      expect(fault.code).toBe('EXO_SAMPLING_INVALID')
      expect(fault.message).toContain(message)
    }
  })
})
