import { ExovisorError } from '../errors.ts'
import type { ModelConfig, TensorLocation, WeightType } from './model.ts'
import type { HeaderEntry } from './safetensors-header.ts'
import type { WeightFiles } from './weight-files.ts'

/** The input embedding, `[vocabulary, hidden]`. */
const embeddingTensor = 'model.embed_tokens.weight'
/** The output projection, `[vocabulary, hidden]`. */
const outputTensor = 'lm_head.weight'

/** Every tensor of a Llama model with its shape; matrices are `[out, in]`. */
function llamaTensors(config: ModelConfig): ReadonlyMap<string, readonly number[]> {
  const { hiddenSize: hidden, intermediateSize: inner, vocabSize } = config
  const queries = config.heads * config.headDim
  const keys = config.kvHeads * config.headDim
  const shapes = new Map<string, readonly number[]>([
    [embeddingTensor, [vocabSize, hidden]],
    ['model.norm.weight', [hidden]],
    [outputTensor, [vocabSize, hidden]],
  ])
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `model.layers.${layer}`
    shapes.set(`${at}.input_layernorm.weight`, [hidden])
    shapes.set(`${at}.self_attn.q_proj.weight`, [queries, hidden])
    shapes.set(`${at}.self_attn.k_proj.weight`, [keys, hidden])
    shapes.set(`${at}.self_attn.v_proj.weight`, [keys, hidden])
    shapes.set(`${at}.self_attn.o_proj.weight`, [hidden, queries])
    shapes.set(`${at}.post_attention_layernorm.weight`, [hidden])
    shapes.set(`${at}.mlp.gate_proj.weight`, [inner, hidden])
    shapes.set(`${at}.mlp.up_proj.weight`, [inner, hidden])
    shapes.set(`${at}.mlp.down_proj.weight`, [hidden, inner])
  }
  return shapes
}

/**
 * Finds every tensor of the model in its files. What the files hold beyond that is left out.
 * With tied embeddings the stored one of the two stands for both; if both are stored, the input embedding does.
 *
 * @param directory named in messages
 * @throws EXO_MODEL_INVALID naming the tensor, the shape or type that was expected and the one that was found
 */
export function locateTensors(
  directory: string,
  config: ModelConfig,
  weights: WeightFiles,
): ReadonlyMap<string, TensorLocation> {
  const stored = storedTensors(weights)
  const located = new Map<string, TensorLocation>()
  for (const [name, shape] of llamaTensors(config)) {
    const found = stored.get(config.tiedEmbeddings ? tiedName(name, stored) : name)
    if (found === undefined) throw missing(directory, name, shape, config)
    located.set(name, requireFit(name, shape, found))
  }
  return located
}

interface Stored {
  readonly file: string
  readonly entry: HeaderEntry
}

function storedTensors({ files, owner }: WeightFiles): ReadonlyMap<string, Stored> {
  const stored = new Map<string, Stored>()
  for (const { file, name, entries } of files) {
    for (const entry of entries) {
      if (owner === undefined || owner.get(entry.name) === name) stored.set(entry.name, { file, entry })
    }
  }
  return stored
}

function tiedName(name: string, stored: ReadonlyMap<string, Stored>): string {
  if (name !== embeddingTensor && name !== outputTensor) return name
  return stored.has(embeddingTensor) ? embeddingTensor : outputTensor
}

function requireFit(name: string, shape: readonly number[], { file, entry }: Stored): TensorLocation {
  const { dtype, offset, bytes } = entry
  const fault = (text: string, details: object) =>
    new ExovisorError('EXO_MODEL_INVALID', `${file}: tensor ${name} ${text}`, {
      details: { file, tensor: name, ...details },
    })
  if (entry.shape.length !== shape.length || entry.shape.some((size, axis) => size !== shape[axis])) {
    throw fault(`has shape [${entry.shape.join(', ')}]; expected [${shape.join(', ')}] by config.json`, {
      found: entry.shape,
      expected: shape,
    })
  }
  if (!isWeightType(dtype)) {
    throw fault(`has dtype ${dtype}; expected F32, F16 or BF16`, { found: dtype })
  }
  return { file, dtype, shape, offset, bytes }
}

const isWeightType = (dtype: string): dtype is WeightType =>
  dtype === 'F32' || dtype === 'F16' || dtype === 'BF16'

function missing(
  directory: string,
  name: string,
  shape: readonly number[],
  config: ModelConfig,
): ExovisorError {
  const hint =
    name === outputTensor && !config.tiedEmbeddings ? ' (tie_word_embeddings is not true in config.json)' : ''
  return new ExovisorError(
    'EXO_MODEL_INVALID',
    `${directory}: tensor ${name} is missing; expected it with shape [${shape.join(', ')}]${hint}`,
    { details: { directory, tensor: name, expected: shape } },
  )
}
