import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { ExovisorError } from '../errors.ts'
import { parseGenerationDefaults } from './generation-config.ts'
import { parseJsonObject, readSmallFile } from './json-file.ts'
import { locateTensors } from './llama-tensors.ts'
import type { Model } from './model.ts'
import { parseModelConfig } from './model-config.ts'
import { modelName, resolveModel } from './resolve.ts'
import { maxTokenizerBytes } from './tokenizer-file.ts'
import { readWeightFiles, type WeightFiles } from './weight-files.ts'

const maxConfigBytes = 1_024 * 1_024

/**
 * Reads and checks a model directory of the Hugging Face layout, but neither its weights nor its tokenizer:
 * all that an engine needs to know before it loads layers.
 *
 * @param nameOrPath `builtin`, or the path of a directory
 * @throws EXO_MODEL_NOT_FOUND, EXO_MODEL_INVALID, EXO_ARCHITECTURE_UNKNOWN, EXO_SAFETENSORS_INVALID
 */
export async function loadModel(nameOrPath: string): Promise<Model> {
  const directory = await resolveModel(nameOrPath)
  const path = join(directory, 'config.json')
  const bytes = await readSmallFile(path, maxConfigBytes, 'EXO_MODEL_INVALID')
  if (bytes === undefined) {
    throw new ExovisorError(
      'EXO_MODEL_INVALID',
      `${path} is missing; expected a model in Hugging Face layout`,
      {
        details: { path },
      },
    )
  }
  const content = parseJsonObject(path, bytes, 'EXO_MODEL_INVALID')
  const config = parseModelConfig(path, content)
  const generation = await readGenerationConfig(directory)
  const weights = await readWeightFiles(directory)
  const tokenizer = await readSmallFile(
    join(directory, 'tokenizer.json'),
    maxTokenizerBytes,
    'EXO_TOKENIZER_INVALID',
  )
  return {
    name: modelName(nameOrPath, directory),
    directory,
    config,
    generation: parseGenerationDefaults({ path, content }, generation, config.vocabSize),
    tensors: locateTensors(directory, config, weights),
    fingerprint: fingerprint(bytes, tokenizer, weights),
  }
}

async function readGenerationConfig(directory: string) {
  const path = join(directory, 'generation_config.json')
  const bytes = await readSmallFile(path, maxConfigBytes, 'EXO_MODEL_INVALID')
  return bytes && { path, content: parseJsonObject(path, bytes, 'EXO_MODEL_INVALID') }
}

/**
 * What two nodes compare before they share a model: everything but most of the weights, of which it takes a few
 * blocks, so that it stays cheap and still tells one training of a model from another.
 */
function fingerprint(config: Uint8Array, tokenizer: Uint8Array | undefined, weights: WeightFiles): string {
  const hash = createHash('sha256')
  const add = (label: string, bytes: Uint8Array) => hash.update(`${label} ${bytes.length}\n`).update(bytes)
  add('config', config)
  add('tokenizer', tokenizer ?? new Uint8Array(0))
  for (const { name, bytes, identity } of weights.files) {
    hash.update(`file ${name} ${bytes}\n`)
    for (const part of identity) add('part', part)
  }
  return hash.digest('hex')
}
