// Writes Llamas of any size with random weights: for shapes that the fixture does not have.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { safetensorsFile, type TinyTensor } from '../fixtures/make-tiny-llama.ts'
import { seededNumbers } from './seeded-numbers.ts'

export interface LlamaSizes {
  readonly hidden: number
  readonly layers: number
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  readonly inner: number
  readonly vocab: number
  readonly context: number
  readonly config?: Readonly<Record<string, unknown>>
}

/** The `small` model of the engine's benchmarks: 28 million parameters. */
export const smallSizes: LlamaSizes = {
  hidden: 512,
  layers: 8,
  heads: 8,
  kvHeads: 4,
  headDim: 64,
  inner: 1_408,
  vocab: 4_096,
  context: 512,
}

export function writeRandomLlama(directory: string, sizes: LlamaSizes, seed = 1): string {
  const { hidden, heads, kvHeads, headDim, inner, vocab } = sizes
  const random = seededNumbers(seed)
  const tensor = (name: string, shape: number[], scale: number, offset = 0): TinyTensor => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1))
    for (let i = 0; i < values.length; i++) values[i] = offset + (random() * 2 - 1) * scale
    return { name, shape, values }
  }
  const matrix = (name: string, out: number, width: number) =>
    tensor(name, [out, width], Math.sqrt(3 / width))
  const norm = (name: string) => tensor(name, [hidden], 0.1, 1)
  const tensors = [tensor('model.embed_tokens.weight', [vocab, hidden], 1), norm('model.norm.weight')]
  for (let layer = 0; layer < sizes.layers; layer++) {
    const at = `model.layers.${layer}`
    tensors.push(
      norm(`${at}.input_layernorm.weight`),
      matrix(`${at}.self_attn.q_proj.weight`, heads * headDim, hidden),
      matrix(`${at}.self_attn.k_proj.weight`, kvHeads * headDim, hidden),
      matrix(`${at}.self_attn.v_proj.weight`, kvHeads * headDim, hidden),
      matrix(`${at}.self_attn.o_proj.weight`, hidden, heads * headDim),
      norm(`${at}.post_attention_layernorm.weight`),
      matrix(`${at}.mlp.gate_proj.weight`, inner, hidden),
      matrix(`${at}.mlp.up_proj.weight`, inner, hidden),
      matrix(`${at}.mlp.down_proj.weight`, hidden, inner),
    )
  }
  tensors.push(matrix('lm_head.weight', vocab, hidden))
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'model.safetensors'), safetensorsFile(tensors, 'F32'))
  writeFileSync(join(directory, 'config.json'), JSON.stringify(configOf(sizes)))
  return directory
}

const configOf = (sizes: LlamaSizes) => ({
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  head_dim: sizes.headDim,
  hidden_act: 'silu',
  hidden_size: sizes.hidden,
  intermediate_size: sizes.inner,
  max_position_embeddings: sizes.context,
  num_attention_heads: sizes.heads,
  num_hidden_layers: sizes.layers,
  num_key_value_heads: sizes.kvHeads,
  rms_norm_eps: 0.00001,
  rope_theta: 10_000,
  tie_word_embeddings: false,
  vocab_size: sizes.vocab,
  ...sizes.config,
})
