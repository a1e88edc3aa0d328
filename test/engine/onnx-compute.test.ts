import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { loadOnnxCompute } from '../../src/engine/onnx-compute.ts'
import { stockRunner } from '../../src/engine/ort-runner.ts'
import { loadModel } from '../../src/models/load.ts'
import type { Model } from '../../src/models/model.ts'
import { type TinyOptions, writeTinyLlama } from '../fixtures/make-tiny-llama.ts'
import { type LlamaSizes, writeRandomLlama } from './random-llama.ts'
import { ReferenceLlama } from './reference-llama.ts'
import { seededIds } from './seeded-numbers.ts'
import { ShardChain, specOf } from './shard-chain.ts'

const scratch = mkdtempSync(join(tmpdir(), 'exovisor-engine-'))
afterAll(() => rmSync(scratch, { recursive: true }))

const fixture = await loadModel(join(import.meta.dirname, '../fixtures/tiny-llama'))
let variants = 0

function variant(options: TinyOptions): Promise<Model> {
  const directory = join(scratch, `variant-${variants++}`)
  writeTinyLlama(directory, options)
  return loadModel(directory)
}

function random(sizes: Partial<LlamaSizes>): Promise<Model> {
  const base = { hidden: 24, layers: 2, heads: 4, kvHeads: 2, headDim: 16, inner: 36, vocab: 61, context: 64 }
  return loadModel(writeRandomLlama(join(scratch, `variant-${variants++}`), { ...base, ...sizes }))
}

const prompt = (model: Model, length: number, seed = 1) => seededIds(seed, length, model.config.vocabSize)

function expectClose(actual: Float32Array, expected: readonly number[]): void {
  const worst = Math.max(...expected.map((value, index) => Math.abs(value - actual[index]!)))
  expect(worst).toBeLessThan(1e-4)
}

describe('the ONNX engine against a plain 64-bit Llama', () => {
  const llama3 = {
    rope_type: 'llama3',
    factor: 4,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 16,
  }
  const models: readonly [string, () => Promise<Model>][] = [
    ['the fixture', async () => fixture],
    ['float16 weights', () => variant({ dtype: 'F16' })],
    ['bfloat16 weights', () => variant({ dtype: 'BF16' })],
    ['weights in two files', () => variant({ sharded: true })],
    ['tied embeddings stored at the input', () => variant({ tied: 'embed_tokens' })],
    ['tied embeddings stored at the output', () => variant({ tied: 'lm_head', dtype: 'BF16' })],
    ['heads of 16, which the attention kernel rotates', () => random({})],
    ['as many key heads as query heads', () => random({ kvHeads: 4, headDim: 32 })],
    ['heads of 24, which it does not rotate', () => random({ headDim: 24 })],
    ['linear rope scaling', () => random({ config: { rope_scaling: { rope_type: 'linear', factor: 3 } } })],
    ['llama3 rope scaling', () => random({ config: { rope_theta: 500, rope_scaling: llama3 } })],
  ]
  it.each(models)('gives the same logits and the same greedy ids for %s', async (_, load) => {
    const model = await load()
    const reference = new ReferenceLlama(model)
    const ids = prompt(model, 21)
    const chain = await ShardChain.load(model, 1)
    const { ids: generated, logits } = await chain.generate(ids, 12)
    const expected = reference.logits([...ids, ...generated])
    for (const [step, actual] of logits.entries()) expectClose(actual, expected[ids.length - 1 + step]!)
    expect(generated).toEqual(reference.greedy(ids, 12))
    await chain.dispose()
  })
})

describe('a model that is split by layers', () => {
  it.each([2, 3, 4])('gives the very same logits over %i shards as whole', async count => {
    const whole = await ShardChain.load(fixture, 1)
    const split = await ShardChain.load(fixture, count)
    const ids = prompt(fixture, 17)
    expect(await split.generate(ids, 20)).toEqual(await whole.generate(ids, 20))
    await whole.dispose()
    await split.dispose()
  })
})

describe('the KV cache', () => {
  it('is the same through the direct and the stock runner', async () => {
    const model = await random({ layers: 3 })
    const direct = await ShardChain.load(model, 2)
    const stock = await ShardChain.load(model, 2, {}, { runner: stockRunner })
    const ids = prompt(model, 10)
    expect(await stock.generate(ids, 20)).toEqual(await direct.generate(ids, 20))
    await direct.dispose()
    await stock.dispose()
  })

  it('gives the same tokens whether a prompt comes at once, in chunks or token by token', async () => {
    const ids = prompt(fixture, 40)
    const chain = await ShardChain.load(fixture, 2, { prefillChunk: 64 })
    const reference = new ReferenceLlama(fixture).logits(ids).at(-1)!
    for (const chunk of [40, 16, 7, 1]) {
      const slots = chain.acquire()
      let logits = new Float32Array(0)
      for (let position = 0; position < ids.length; position += chunk)
        logits = (await chain.forward(
          slots,
          position,
          ids.slice(position, position + chunk),
        )) as typeof logits
      expectClose(logits, reference)
      chain.release(slots)
    }
    await chain.dispose()
  })

  it('takes more rows at once than its largest step', async () => {
    const ids = prompt(fixture, 50)
    const large = await ShardChain.load(fixture, 2, { prefillChunk: 64 })
    const small = await ShardChain.load(fixture, 2, { prefillChunk: 8, slots: 1 })
    const expected = new ReferenceLlama(fixture).logits(ids).at(-1)!
    expectClose(await large.forward(large.acquire(), 0, ids), expected)
    expectClose(await small.forward(small.acquire(), 0, ids), expected)
    await large.dispose()
    await small.dispose()
  })

  it('forgets what comes after a position that is computed again', async () => {
    const [one, other] = [prompt(fixture, 12, 1), prompt(fixture, 12, 2)]
    const chain = await ShardChain.load(fixture, 1)
    const slots = chain.acquire()
    await chain.forward(slots, 0, one)
    await chain.forward(slots, 5, other.slice(5))
    const again = await chain.forward(slots, 5, one.slice(5))
    chain.release(slots)
    const fresh = chain.acquire()
    await chain.forward(fresh, 0, one.slice(0, 5))
    expect(again).toEqual(await chain.forward(fresh, 5, one.slice(5)))
    await chain.dispose()
  })

  it('is usable up to the last position of the context, and not beyond', async () => {
    const model = await random({ context: 16 })
    const chain = await ShardChain.load(model, 1)
    const ids = prompt(model, 16)
    const slots = chain.acquire()
    await chain.forward(slots, 0, ids.slice(0, 15))
    expectClose(await chain.forward(slots, 15, ids.slice(15)), new ReferenceLlama(model).logits(ids).at(-1)!)
    await expect(chain.forward(slots, 16, [1])).rejects.toMatchObject({
      code: 'EXO_PROMPT_TOO_LONG',
      details: { tokens: 17, context: 16 },
    })
    await chain.dispose()
  })
})

describe('a batch of sequences', () => {
  it.each([
    ['in neighbouring slots', [0, 1, 2, 3]],
    ['in any order', [3, 1, 0, 2]],
    ['around a free slot', [0, 2]],
    ['around slots that others use', [1, 4]],
    ['too far apart for one run', [0, 7]],
  ])('is computed exactly as each sequence alone, %s', async (_, chosen) => {
    const compute = await loadOnnxCompute(fixture, specOf(fixture, { slots: 8 }))
    const slots = Array.from({ length: 8 }, () => compute.acquire())
    const prompts = slots.map(slot => Int32Array.from(prompt(fixture, 3 + 5 * slot, slot)))
    for (const slot of slots) await compute.forward(slot, 0, prompts[slot]!, prompts[slot]!.length, false)
    if (chosen.length === 2 && chosen[1] === 2) compute.release(1)
    const positions = chosen.map(slot => prompts[slot]!.length)
    const ids = Int32Array.from(chosen, slot => slot + 40)
    const { vocabSize } = compute
    const alone: Float32Array[] = []
    for (const [index, slot] of chosen.entries())
      alone.push(
        (await compute.forward(slot, positions[index]!, ids.subarray(index, index + 1), 1, true)).slice(),
      )
    const batch = (await compute.decodeBatch(chosen, positions, ids)).slice()
    for (const [index, expected] of alone.entries())
      expect(batch.subarray(index * vocabSize, (index + 1) * vocabSize)).toEqual(expected)
    await compute.dispose()
  })

  it('leaves the sequences in between as they are', async () => {
    const compute = await loadOnnxCompute(fixture, specOf(fixture))
    const [a, b, c] = [compute.acquire(), compute.acquire(), compute.acquire()]
    const ids = Int32Array.from(prompt(fixture, 9))
    const expected = (await compute.forward(a, 0, ids, 9, true)).slice()
    await compute.forward(b, 0, ids.subarray(0, 4), 4, false)
    await compute.forward(c, 0, ids, 9, false)
    await compute.decodeBatch([a, c], [9, 9], Int32Array.of(1, 2))
    expectClose(await compute.forward(b, 4, ids.subarray(4), 5, true), Array.from(expected))
    await compute.dispose()
  })

  it('works at the very first position of each', async () => {
    const compute = await loadOnnxCompute(fixture, specOf(fixture))
    const slots = [compute.acquire(), compute.acquire()]
    const batch = (await compute.decodeBatch(slots, [0, 0], Int32Array.of(7, 9))).slice()
    expect(batch.subarray(0, compute.vocabSize)).toEqual(
      await compute.forward(slots[0]!, 0, Int32Array.of(7), 1, true),
    )
    await compute.dispose()
  })
})

describe('a shard', () => {
  it('refuses input that does not fit, and goes on', async () => {
    const compute = await loadOnnxCompute(fixture, specOf(fixture, { layers: [0, 2], slots: 1 }))
    const slot = compute.acquire()
    expect(() => compute.forward(slot, 3, Int32Array.of(1), 1, false)).toThrow(/position 3 .* 0 positions/)
    expect(() => compute.forward(slot, 0, Int32Array.of(1, 2), 1, false)).toThrow(/2 token ids, expected 1/)
    expect(() => compute.forward(slot, 0, new Float32Array(32), 1, false)).toThrow(/32 hidden values/)
    expect(() => compute.forward(slot, 0, Int32Array.of(272), 1, false)).toThrow(/token id 272/)
    expect(() => compute.forward(5, 0, Int32Array.of(1), 1, false)).toThrow(/slot 5 is not taken/)
    expect(() => compute.acquire()).toThrow(expect.objectContaining({ code: 'EXO_ENGINE_BUSY' }))
    expect(await compute.forward(slot, 0, Int32Array.of(1), 1, false)).toHaveLength(32)
    await compute.dispose()
  })

  it('computes no logits where none are wanted', async () => {
    const compute = await loadOnnxCompute(fixture, specOf(fixture))
    expect(await compute.forward(compute.acquire(), 0, Int32Array.of(1, 2), 2, false)).toHaveLength(0)
    await compute.dispose()
  })

  it.each([
    [{ layers: [2, 5] as const }, 'layers[1] is 5'],
    [{ layers: [2, 2] as const }, 'layers[1] is 2'],
    [{ context: 257 }, 'context is 257'],
    [{ slots: 0 }, 'slots is 0'],
    [{ threads: 1.5 }, 'threads is 1.5'],
  ])('refuses the spec %j', async (changes, message) => {
    await expect(loadOnnxCompute(fixture, specOf(fixture, changes))).rejects.toMatchObject({
      code: 'EXO_CONFIG_INVALID',
      message: expect.stringContaining(message),
    })
  })

  it('refuses heads that the attention kernel cannot take', async () => {
    const model = await random({ headDim: 6 })
    await expect(loadOnnxCompute(model, specOf(model))).rejects.toMatchObject({
      code: 'EXO_ARCHITECTURE_UNKNOWN',
      message: expect.stringContaining('head size is 6'),
    })
  })

  it('gives the same ids on several threads', async () => {
    const ids = prompt(fixture, 30)
    const [one, two] = [await ShardChain.load(fixture, 1), await ShardChain.load(fixture, 1, { threads: 2 })]
    expect((await two.generate(ids, 10)).ids).toEqual((await one.generate(ids, 10)).ids)
    await one.dispose()
    await two.dispose()
  })

  it('stops loading when it is cancelled', async () => {
    const signal = AbortSignal.abort()
    await expect(loadOnnxCompute(fixture, specOf(fixture), { signal })).rejects.toMatchObject({
      code: 'EXO_ABORTED',
    })
  })
})
