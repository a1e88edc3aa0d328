import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadOnnxCompute } from '../../src/engine/onnx-compute.ts'
import { loadModel } from '../../src/models/load.ts'
import type { Model } from '../../src/models/model.ts'
import { writeTinyLlama } from '../fixtures/make-tiny-llama.ts'
import { ShardChain, specOf } from './shard-chain.ts'

let directory: string
let weights: string
let model: Model

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'exovisor-weights-'))
  weights = join(directory, 'model.safetensors')
  writeTinyLlama(directory)
  model = await loadModel(directory)
})
afterEach(() => rmSync(directory, { recursive: true }))

const failure = (code: string, ...parts: string[]) =>
  expect.objectContaining({ code, message: expect.stringMatching(parts.join('.*')) })

describe('loading weights', () => {
  it.each([
    [100_000, 'layers.2'],
    [185_324, 'lm_head.weight'],
  ])(
    'names file, tensor and size when the file was cut to %i bytes after it was read',
    async (size, tensor) => {
      truncateSync(weights, size)
      const error = failure(
        'EXO_SAFETENSORS_INVALID',
        'model.safetensors',
        `byte ${size}`,
        `tensor .*${tensor}.* needs`,
      )
      await expect(loadOnnxCompute(model, specOf(model))).rejects.toEqual(error)
    },
  )

  it('names file and tensor when the file is gone', async () => {
    rmSync(weights)
    const error = failure('EXO_MODEL_INVALID', 'model.safetensors', 'embed_tokens')
    await expect(loadOnnxCompute(model, specOf(model))).rejects.toEqual(error)
  })

  it('names a tensor that is missing or of another shape', async () => {
    const name = 'model.layers.1.mlp.up_proj.weight'
    const tensors = new Map(model.tensors)
    tensors.delete(name)
    await expect(loadOnnxCompute({ ...model, tensors }, specOf(model))).rejects.toEqual(
      failure('EXO_MODEL_INVALID', name, 'is missing', '40, 32'),
    )
    tensors.set(name, { ...model.tensors.get(name)!, shape: [32, 40] })
    await expect(loadOnnxCompute({ ...model, tensors }, specOf(model))).rejects.toEqual(
      failure('EXO_MODEL_INVALID', name, '32, 40', '40, 32'),
    )
  })

  it('follows symbolic links out of the model directory, to several folders', async () => {
    const expected = await generated(model)
    writeTinyLlama(directory, { sharded: true })
    rmSync(weights)
    for (const number of [1, 2]) {
      const name = `model-0000${number}-of-00002.safetensors`
      const blobs = join(directory, 'blobs', `${number}`)
      mkdirSync(blobs, { recursive: true })
      renameSync(join(directory, name), join(blobs, 'blob'))
      symlinkSync(join(blobs, 'blob'), join(directory, name))
    }
    expect(await generated(await loadModel(directory))).toEqual(expected)
  })

  it('takes weights of one layer from files in different folders', async () => {
    const expected = await generated(model)
    const copy = join(directory, 'elsewhere', 'copy.safetensors')
    mkdirSync(join(directory, 'elsewhere'))
    writeFileSync(copy, readFileSync(weights))
    const tensors = new Map(model.tensors)
    for (const [name, location] of model.tensors)
      if (name.includes('mlp')) tensors.set(name, { ...location, file: copy })
    expect(await generated({ ...model, tensors })).toEqual(expected)
  })
})

describe('weights that change while they are in use', () => {
  it('do no harm when a new file takes the name, or the file goes away', async () => {
    const chain = await ShardChain.load(model, 1)
    const expected = await chain.generate([4, 5, 6], 10)
    writeFileSync(`${weights}.new`, 'something else')
    renameSync(`${weights}.new`, weights)
    expect(await chain.generate([4, 5, 6], 10)).toEqual(expected)
    rmSync(weights)
    expect(await chain.generate([4, 5, 6], 10)).toEqual(expected)
    await chain.dispose()
  })

  it.each(['F32', 'BF16'] as const)('are not read again by the layers, be they %s', async dtype => {
    writeTinyLlama(directory, { dtype })
    const compute = await loadOnnxCompute(await loadModel(directory), specOf(model, { layers: [2, 4] }))
    const slot = compute.acquire()
    const input = Float32Array.from({ length: 3 * compute.hiddenSize }, (_, index) => Math.sin(index))
    const before = (await compute.forward(slot, 0, input, 3, true)).slice()
    truncateSync(weights, 8)
    expect(await compute.forward(slot, 0, input, 3, true)).toEqual(before)
    await compute.dispose()
  })

  it('give an error instead of a crash when the file is cut off', async () => {
    const chain = await ShardChain.load(model, 1)
    truncateSync(weights, 1_000)
    await expect(chain.generate([4, 5, 6], 10)).rejects.toEqual(
      failure('EXO_SAFETENSORS_INVALID', 'embed_tokens'),
    )
    await chain.dispose()
  })
})

async function generated(from: Model) {
  const chain = await ShardChain.load(from, 2)
  const result = await chain.generate([4, 5, 6], 10)
  await chain.dispose()
  return result
}
