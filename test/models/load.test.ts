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
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { loadModel } from '../../src/models/load.ts'
import type { Model } from '../../src/models/model.ts'
import { tiny, tinyTensors, writeTinyLlama } from '../fixtures/make-tiny-llama.ts'
import { hasStories, storiesDirectory } from './stories.ts'
import { editJson, faultOf, temporaryDirectory, temporaryModel } from './temporary-model.ts'

const fixture = fileURLToPath(new URL('../fixtures/tiny-llama', import.meta.url))

/** The values of a tensor, read from where the model says it is. */
function valuesOf(model: Model, name: string): Float32Array {
  const location = model.tensors.get(name)
  if (location === undefined) throw new Error(`no tensor ${name}`)
  const { file, offset, bytes, dtype } = location
  const data = Uint8Array.from(readFileSync(file).subarray(offset, offset + bytes))
  if (dtype === 'F32') return new Float32Array(data.buffer)
  const words = new Uint16Array(data.buffer)
  if (dtype === 'BF16') return new Float32Array(Uint32Array.from(words, word => word << 16).buffer)
  return Float32Array.from(words, word => {
    const sign = word & 0x8000 ? -1 : 1
    const exponent = (word >> 10) & 31
    const fraction = (word & 1023) / 1024
    return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15))
  })
}

function expectTinyWeights(model: Model, tied?: 'embed_tokens' | 'lm_head'): void {
  for (const { name, shape, values } of tinyTensors(tied)) {
    expect(model.tensors.get(name)?.shape).toEqual(shape)
    expect(valuesOf(model, name)).toEqual(values)
  }
}

function directoryInstead(path: string): void {
  rmSync(path)
  mkdirSync(path)
}

describe('the fixture', () => {
  it('is what its script writes', () => {
    const directory = temporaryDirectory()
    writeTinyLlama(directory)
    for (const file of [
      'config.json',
      'generation_config.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'model.safetensors',
    ]) {
      expect(readFileSync(join(fixture, file)).equals(readFileSync(join(directory, file)))).toBe(true)
    }
  })
})

describe('loadModel', () => {
  it('reads a directory in Hugging Face layout', async () => {
    const model = await loadModel(fixture)
    expect(model).toMatchObject({
      name: 'tiny-llama',
      directory: fixture,
      generation: {
        eosTokenIds: [1],
        bosTokenId: 0,
        temperature: 0.75,
        topK: 40,
        topP: 0.95,
        repetitionPenalty: 1.125,
      },
    })
    expect(model.config.layers).toBe(tiny.layers)
    expect(model.tensors.size).toBe(3 + 9 * tiny.layers)
    expect(model.fingerprint).toMatch(/^[0-9a-f]{64}$/)
    expectTinyWeights(model)
  })

  it.each(['F32', 'F16', 'BF16'] as const)(
    'finds the same weights in several %s files with an index',
    async dtype => {
      const model = await loadModel(temporaryModel({ sharded: true, dtype }))
      expect(new Set(Array.from(model.tensors.values(), location => location.file)).size).toBe(2)
      expect(model.tensors.get('lm_head.weight')?.dtype).toBe(dtype)
      expectTinyWeights(model)
    },
  )

  it.each(['embed_tokens', 'lm_head'] as const)('takes %s for both ends of tied embeddings', async tied => {
    const model = await loadModel(temporaryModel({ tied }))
    expect(model.config.tiedEmbeddings).toBe(true)
    expect(model.tensors.get('lm_head.weight')).toEqual(model.tensors.get('model.embed_tokens.weight'))
    expectTinyWeights(model, tied)
  })

  it('takes the input embedding for both ends when a tied model stores both', async () => {
    const model = await loadModel(temporaryModel({ config: { tie_word_embeddings: true } }))
    expect(valuesOf(model, 'lm_head.weight')).toEqual(tinyTensors()[0]?.values)
  })

  it('reads the trained model beside the repository, where there is one, and the fixture', async () => {
    for (const directory of hasStories ? [storiesDirectory, fixture] : [fixture]) {
      const model = await loadModel(directory)
      expect(model.tensors.size).toBe(3 + 9 * model.config.layers)
    }
  })

  it('follows symlinks, as the caches of downloaded models need', async () => {
    const directory = temporaryModel()
    renameSync(join(directory, 'model.safetensors'), join(directory, 'blob'))
    symlinkSync('blob', join(directory, 'model.safetensors'))
    expectTinyWeights(await loadModel(directory))
  })

  it('does without generation_config.json and tokenizer.json', async () => {
    const directory = temporaryModel()
    rmSync(join(directory, 'generation_config.json'))
    rmSync(join(directory, 'tokenizer.json'))
    expect((await loadModel(directory)).generation).toEqual({ eosTokenIds: [3], bosTokenId: 0 })
  })

  it('leaves out what the files hold beyond the model', async () => {
    const directory = temporaryModel({ config: { num_hidden_layers: 2 } })
    expect((await loadModel(directory)).tensors.has('model.layers.2.mlp.up_proj.weight')).toBe(false)
  })
})

describe('the fingerprint', () => {
  it('is the same for the same files in another place, and another for any other', async () => {
    const prints = await Promise.all(
      [
        temporaryModel(),
        temporaryModel({ dtype: 'BF16' }),
        temporaryModel({ sharded: true }),
        temporaryModel({ config: { rope_theta: 20_000 } }),
      ].map(async directory => (await loadModel(directory)).fingerprint),
    )
    expect(prints[0]).toBe((await loadModel(fixture)).fingerprint)
    expect(new Set(prints).size).toBe(prints.length)
  })

  it('tells other weights and another tokenizer of the same shape apart', async () => {
    const directory = temporaryModel()
    const before = (await loadModel(directory)).fingerprint
    const path = join(directory, 'model.safetensors')
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.fill(1, bytes.length - 20_000))
    const retrained = (await loadModel(directory)).fingerprint
    editJson(directory, 'tokenizer.json', { version: '1.1' })
    expect(new Set([before, retrained, (await loadModel(directory)).fingerprint]).size).toBe(3)
  })
})

describe('a broken model directory', () => {
  const broken = async (breakIt: (directory: string) => void, options = {}) => {
    const directory = temporaryModel(options)
    breakIt(directory)
    return { directory, fault: await faultOf(loadModel(directory)) }
  }

  it.each(['config.json', 'model.safetensors'])('names the missing %s', async file => {
    const { directory, fault } = await broken(path => rmSync(join(path, file)))
    expect(fault.code).toBe('EXO_MODEL_INVALID')
    expect(fault.message).toContain(`${join(directory, file)} is missing`)
  })

  it('names the missing one of several weight files', async () => {
    const name = 'model-00002-of-00002.safetensors'
    const { directory, fault } = await broken(path => rmSync(join(path, name)), { sharded: true })
    expect(fault).toMatchObject({ code: 'EXO_MODEL_INVALID', message: `${join(directory, name)} is missing` })
  })

  it('says that a file is not JSON, no object, too large or no file', async () => {
    const cases: [(path: string) => void, string][] = [
      [path => writeFileSync(path, '{'), 'is not JSON'],
      [path => writeFileSync(path, Uint8Array.of(0x7b, 0xff, 0x7d)), 'is not JSON'],
      [path => writeFileSync(path, '[1]'), 'holds a list; expected a JSON object'],
      [path => writeFileSync(path, ' '.repeat(2_000_000)), 'has 2000000 bytes; expected at most 1048576'],
      [directoryInstead, 'is not a file'],
    ]
    for (const file of ['config.json', 'generation_config.json']) {
      for (const [breakIt, message] of cases) {
        const { directory, fault } = await broken(path => breakIt(join(path, file)))
        expect(fault.code).toBe('EXO_MODEL_INVALID')
        expect(fault.message).toContain(`${join(directory, file)} ${message}`)
      }
    }
  })

  it('names the tensor that is missing, with the shape that it should have', async () => {
    const { fault } = await broken(() => {}, { config: { num_hidden_layers: 5 } })
    expect(fault.code).toBe('EXO_MODEL_INVALID')
    expect(fault.message).toContain(
      'tensor model.layers.4.input_layernorm.weight is missing; expected it with shape [32]',
    )
    const untied = await broken(() => {}, { tied: 'embed_tokens', config: { tie_word_embeddings: false } })
    expect(untied.fault.message).toContain('tensor lm_head.weight is missing')
    expect(untied.fault.message).toContain('tie_word_embeddings is not true')
  })

  it('names the tensor of a wrong shape with both shapes', async () => {
    const { directory, fault } = await broken(() => {}, { config: { intermediate_size: 48 } })
    expect(fault.code).toBe('EXO_MODEL_INVALID')
    expect(fault.message).toBe(
      `${join(directory, 'model.safetensors')}: tensor model.layers.0.mlp.gate_proj.weight has shape [40, 32]; expected [48, 32] by config.json`,
    )
  })

  it('refuses weights of an element type that is not computed with', async () => {
    const { fault } = await broken(path => {
      const file = join(path, 'model.safetensors')
      // Of the same size: the header stays valid.
      writeFileSync(file, Buffer.from(readFileSync(file, 'latin1').replace('"F32"', '"I32"'), 'latin1'))
    })
    expect(fault.message).toContain(
      'tensor model.embed_tokens.weight has dtype I32; expected F32, F16 or BF16',
    )
  })

  it('notices a truncated weight file wherever it was cut', async () => {
    for (const bytes of [0, 5, 8, 100, 100_000, 185_327]) {
      const { directory, fault } = await broken(path => truncateSync(join(path, 'model.safetensors'), bytes))
      expect(fault.code).toBe('EXO_SAFETENSORS_INVALID')
      expect(fault.message).toContain(join(directory, 'model.safetensors'))
    }
  })

  it('refuses an index that leads out of the directory', async () => {
    const outside = mkdtempSync(join(temporaryDirectory(), 'outside-'))
    for (const file of [
      '../x.safetensors',
      join(outside, 'x.safetensors'),
      'a/b.safetensors',
      'a\\b.safetensors',
      '..',
      'x.bin',
      7,
    ]) {
      const { fault } = await broken(
        path => editJson(path, 'model.safetensors.index.json', { weight_map: { 'lm_head.weight': file } }),
        { sharded: true },
      )
      expect(fault.code).toBe('EXO_MODEL_INVALID')
      expect(fault.message).toContain(
        `tensor "lm_head.weight" is in file ${JSON.stringify(file)}`.slice(0, 90),
      )
    }
  })

  it('refuses an index without a map, one that names too many files and one that misplaces a tensor', async () => {
    const index = 'model.safetensors.index.json'
    const noMap = await broken(path => editJson(path, index, { weight_map: [] }), { sharded: true })
    expect(noMap.fault.message).toContain('weight_map is []; expected an object')
    const many = Object.fromEntries(Array.from({ length: 1_025 }, (_, i) => [`t${i}`, `${i}.safetensors`]))
    const tooMany = await broken(path => editJson(path, index, { weight_map: many }), { sharded: true })
    expect(tooMany.fault.message).toContain('names 1025 files; expected at most 1024')
    const misplaced = await broken(
      path => {
        const content = JSON.parse(readFileSync(join(path, index), 'utf8'))
        content.weight_map['lm_head.weight'] = 'model-00001-of-00002.safetensors'
        writeFileSync(join(path, index), JSON.stringify(content))
      },
      { sharded: true },
    )
    expect(misplaced.fault.message).toContain('tensor lm_head.weight is missing')
  })
})
