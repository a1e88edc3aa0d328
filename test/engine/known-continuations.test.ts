import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadModel } from '../../src/models/load.ts'
import { ReferenceLlama } from './reference-llama.ts'
import { seededIds } from './seeded-numbers.ts'
import { ShardChain } from './shard-chain.ts'

interface Case {
  readonly prompt_ids: readonly number[]
  readonly generated_ids: readonly number[]
}

interface Continuations {
  readonly directory: string
  readonly max_new_tokens: number
  readonly stop_token_ids: readonly number[]
  readonly cases: readonly Case[]
}

async function ofFixture(): Promise<Continuations> {
  const directory = join(import.meta.dirname, '../fixtures/tiny-llama')
  const model = await loadModel(directory)
  const reference = new ReferenceLlama(model)
  const cases = [1, 2, 3].map(seed => {
    const prompt_ids = seededIds(seed, 4 * seed, model.config.vocabSize)
    return { prompt_ids, generated_ids: reference.greedy(prompt_ids, 30) }
  })
  return { directory, max_new_tokens: 30, stop_token_ids: [], cases }
}

const models: [string, Continuations][] = [['the fixture', await ofFixture()]]

// A trained model with the ids that an independent C program gave: it lies beside some checkouts.
const trained = join(import.meta.dirname, '../../../shared/models/stories260k')
if (existsSync(join(trained, 'expected.json'))) {
  const expected = JSON.parse(readFileSync(join(trained, 'expected.json'), 'utf8')) as Omit<
    Continuations,
    'directory'
  >
  models.push(['a trained model', { ...expected, directory: trained }])
}

describe.each(models)('%s', (_, { directory, max_new_tokens, stop_token_ids, cases }) => {
  it('continues every prompt with the known ids, whole and over 2, 3 and as many shards as layers', async () => {
    const model = await loadModel(directory)
    const whole = await ShardChain.load(model, 1)
    const expected: Awaited<ReturnType<ShardChain['generate']>>[] = []
    for (const { prompt_ids, generated_ids } of cases) {
      const result = await whole.generate(prompt_ids, max_new_tokens, stop_token_ids)
      expect(result.ids).toEqual(generated_ids)
      expected.push(result)
    }
    await whole.dispose()
    for (const count of [2, 3, model.config.layers]) {
      const split = await ShardChain.load(model, count)
      for (const [index, { prompt_ids }] of cases.entries()) {
        const { ids, logits } = await split.generate(prompt_ids, max_new_tokens, stop_token_ids)
        expect(ids).toEqual(expected[index]!.ids)
        expect(logits.every((row, step) => sameBits(row, expected[index]!.logits[step]!))).toBe(true)
      }
      await split.dispose()
    }
  })
})

const sameBits = (one: Float32Array, other: Float32Array) => Buffer.compare(bytes(one), bytes(other)) === 0
const bytes = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
