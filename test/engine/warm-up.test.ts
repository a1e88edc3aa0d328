import { join } from 'node:path'
import { expect, it } from 'vitest'
import { warmUp } from '../../src/engine/warm-up.ts'
import { loadModel } from '../../src/models/load.ts'
import { NotingCompute } from './noting-compute.ts'
import { specOf, splitLayers } from './shard-chain.ts'

const model = await loadModel(join(import.meta.dirname, '../fixtures/tiny-llama'))

const measured = ['[0]@[0]', '[0]@[0]', '[0]@[0]']

it.each(splitLayers(4, 2))(
  'warming up runs every shape of step, measures one, and leaves all slots free, for layers %i to %i',
  async (...layers) => {
    const spec = specOf(model, { layers, slots: 3, context: 100, prefillChunk: 32 })
    const compute = new NotingCompute(model, spec)
    expect(await warmUp(compute, spec)).toBeGreaterThanOrEqual(0)
    expect(compute.steps).toEqual([
      '[0]@[0]',
      '[0]@[1]',
      '[0,1]@[0,0]',
      '[0,1]@[1,1]',
      '[0,1,2]@[0,0,0]',
      '[0,1,2]@[1,1,1]',
      '0@0+32',
      ...measured,
    ])
    expect([compute.acquire(), compute.acquire(), compute.acquire()]).toEqual([0, 1, 2])
  },
)

it('warming up keeps within a context that is shorter than a chunk', async () => {
  const spec = specOf(model, { slots: 1, context: 1, prefillChunk: 32 })
  const compute = new NotingCompute(model, spec)
  await warmUp(compute, spec)
  expect(compute.steps).toEqual(['[0]@[0]', '0@0+1', ...measured])
})
