import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DummyCompute } from '../../src/engine/dummy-compute.ts'
import { loadModel } from '../../src/models/load.ts'
import { seededIds } from './seeded-numbers.ts'
import { ShardChain, specOf } from './shard-chain.ts'

const model = await loadModel(join(import.meta.dirname, '../fixtures/tiny-llama'))
const dummy = (count: number) => ShardChain.load(model, count, { kind: 'dummy' })
const prompt = seededIds(3, 12, model.config.vocabSize)

describe('the dummy engine', () => {
  it.each([2, 3, 4])('gives the same tokens over %i shards as whole', async count => {
    const { ids, logits } = await (await dummy(1)).generate(prompt, 100)
    expect(await (await dummy(count)).generate(prompt, 100)).toEqual({ ids, logits })
    expect(new Set(ids).size).toBeGreaterThan(50)
  })

  it('gives the same tokens when a prompt goes on from generated ids', async () => {
    const chain = await dummy(2)
    const { ids } = await chain.generate(prompt, 40)
    const resumed = await chain.generate([...prompt, ...ids.slice(0, 15)], 25)
    expect(resumed.ids).toEqual(ids.slice(15))
  })

  it('depends on every token before, and on every layer', async () => {
    const { ids } = await (await dummy(1)).generate(prompt, 20)
    for (const changed of [0, 5, 11]) {
      const other = prompt.map((id, index) => (index === changed ? (id + 1) % model.config.vocabSize : id))
      expect((await (await dummy(1)).generate(other, 20)).ids).not.toEqual(ids)
    }
    const fewer = { ...model, config: { ...model.config, layers: 3 } }
    expect((await (await ShardChain.load(fewer, 1, { kind: 'dummy' })).generate(prompt, 20)).ids).not.toEqual(
      ids,
    )
  })

  it('never begins or ends a text', async () => {
    const { ids } = await (await dummy(1)).generate(prompt, 240)
    for (const special of [0, ...model.generation.eosTokenIds]) expect(ids).not.toContain(special)
  })

  it('computes a batch as it computes each sequence alone', () => {
    const compute = new DummyCompute(model, specOf(model))
    const slots = [compute.acquire(), compute.acquire()]
    for (const slot of slots) compute.forward(slot, 0, Int32Array.of(slot + 1, 5), 2, false)
    const alone = slots.map(slot => compute.forward(slot, 2, Int32Array.of(slot), 1, true))
    const batch = compute.decodeBatch([1, 0], [2, 2], Int32Array.of(1, 0))
    expect(batch).toEqual(Float32Array.from([...alone[1]!, ...alone[0]!]))
  })

  it('notices lost positions as a real engine does', () => {
    const compute = new DummyCompute(model, specOf(model))
    const slot = compute.acquire()
    expect(() => compute.forward(slot, 1, Int32Array.of(1), 1, true)).toThrow(/position 1/)
  })
})
