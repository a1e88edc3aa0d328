import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseGenerationDefaults } from '../../src/models/generation-config.ts'
import { parseModelConfig } from '../../src/models/model-config.ts'
import { changed, faultOf } from './temporary-model.ts'

const tinyConfig: unknown = JSON.parse(
  readFileSync(new URL('../fixtures/tiny-llama/config.json', import.meta.url), 'utf8'),
)
const parsed = (changes: Record<string, unknown> = {}) =>
  parseModelConfig('config.json', changed(tinyConfig, changes))
const faultWith = (changes: Record<string, unknown>) => faultOf(() => parsed(changes))

describe('parseModelConfig', () => {
  it('reads a Llama configuration', () => {
    expect(parsed()).toEqual({
      architecture: 'llama',
      hiddenSize: 32,
      layers: 4,
      heads: 4,
      kvHeads: 2,
      headDim: 8,
      intermediateSize: 40,
      vocabSize: 272,
      contextLength: 256,
      rmsNormEps: 0.00001,
      ropeTheta: 10_000,
      ropeScaling: undefined,
      tiedEmbeddings: false,
    })
  })

  it('fills in what older files leave out', () => {
    const absent = {
      head_dim: undefined,
      num_key_value_heads: undefined,
      rope_theta: undefined,
      hidden_act: undefined,
    }
    expect(parsed({ ...absent, tie_word_embeddings: undefined, rms_norm_eps: undefined })).toMatchObject({
      headDim: 8,
      kvHeads: 4,
      ropeTheta: 10_000,
      rmsNormEps: 1e-6,
      tiedEmbeddings: false,
    })
    expect(parsed({ architectures: undefined }).architecture).toBe('llama')
    expect(parsed({ head_dim: 16 }).headDim).toBe(16)
  })

  it('reads each kind of rope scaling under each of its names', () => {
    const llama3 = {
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
      rope_type: 'llama3',
    }
    const expected = {
      type: 'llama3',
      factor: 8,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalContextLength: 8192,
    }
    expect(parsed({ rope_scaling: llama3 }).ropeScaling).toEqual(expected)
    expect(parsed({ rope_scaling: { type: 'linear', factor: 2 } }).ropeScaling).toEqual({
      type: 'linear',
      factor: 2,
    })
    expect(parsed({ rope_scaling: { rope_type: 'default' } }).ropeScaling).toBeUndefined()
    const newer = {
      rope_scaling: undefined,
      rope_theta: undefined,
      rope_parameters: { ...llama3, rope_theta: 500_000 },
    }
    expect(parsed(newer)).toMatchObject({ ropeScaling: expected, ropeTheta: 500_000 })
  })

  it('refuses by name what the engine does not compute', async () => {
    const cases: [Record<string, unknown>, string][] = [
      [
        { architectures: ['MixtralForCausalLM'] },
        'architectures is ["MixtralForCausalLM"]; expected LlamaForCausalLM',
      ],
      [{ architectures: undefined, model_type: 'qwen3' }, 'model_type is "qwen3"; expected LlamaForCausalLM'],
      [{ architectures: [], model_type: undefined }, 'model_type is undefined; expected LlamaForCausalLM'],
      [{ hidden_act: 'gelu' }, 'hidden_act is "gelu"; expected "silu"'],
      [{ attention_bias: true }, 'attention_bias is true; expected false'],
      [{ mlp_bias: true }, 'mlp_bias is true; expected false'],
      [{ partial_rotary_factor: 0.5 }, 'partial_rotary_factor is 0.5; expected 1'],
      [
        { quantization_config: { quant_method: 'gptq' } },
        'quantization_config is {"quant_method":"gptq"}; expected none',
      ],
      [
        { rope_scaling: { rope_type: 'yarn', factor: 2 } },
        'type is "yarn"; expected default, linear or llama3',
      ],
    ]
    for (const [changes, message] of cases) {
      const fault = await faultWith(changes)
      expect(fault.code).toBe('EXO_ARCHITECTURE_UNKNOWN')
      expect(fault.message).toContain(message)
    }
  })

  it('names the field and the value of what is wrong', async () => {
    const cases: [Record<string, unknown>, string][] = [
      [{ hidden_size: undefined }, 'config.json: hidden_size is undefined; expected '],
      [{ hidden_size: '32' }, 'hidden_size is "32"'],
      [{ hidden_size: 2 ** 40 }, 'hidden_size is 1099511627776'],
      [{ num_hidden_layers: 0 }, 'num_hidden_layers is 0'],
      [{ num_hidden_layers: 1e9 }, 'num_hidden_layers is 1000000000'],
      [{ vocab_size: -1 }, 'vocab_size is -1'],
      [{ vocab_size: 3.5 }, 'vocab_size is 3.5'],
      [{ intermediate_size: 2 ** 53 }, 'intermediate_size is 9007199254740992'],
      [{ max_position_embeddings: 1e12 }, 'max_position_embeddings is 1000000000000'],
      [{ rms_norm_eps: 0 }, 'rms_norm_eps is 0'],
      [{ rope_theta: 0 }, 'rope_theta is 0'],
      [{ tie_word_embeddings: 'yes' }, 'tie_word_embeddings is "yes"'],
      [{ num_key_value_heads: 3 }, 'num_key_value_heads is 3; expected a divisor of num_attention_heads (4)'],
      [
        { num_attention_heads: 6, head_dim: undefined },
        'num_attention_heads is 6; expected a divisor of hidden_size (32)',
      ],
      [{ head_dim: 7 }, 'head_dim is 7; expected an even number'],
      [{ rope_scaling: { type: 'linear', factor: 'x' } }, 'factor is "x"'],
      [{ rope_scaling: { type: 'llama3', factor: 8 } }, 'low_freq_factor is undefined'],
    ]
    for (const [changes, message] of cases) {
      const fault = await faultWith(changes)
      expect(fault.code).toBe('EXO_MODEL_INVALID')
      expect(fault.message).toContain(message)
    }
  })
})

describe('parseGenerationDefaults', () => {
  const parse = (config: Record<string, unknown>, generation?: Record<string, unknown>) =>
    parseGenerationDefaults(
      { path: 'config.json', content: config },
      generation && { path: 'generation_config.json', content: generation },
      100,
    )

  it('takes the end tokens of generation_config.json before those of config.json, one or several', () => {
    expect(parse({ eos_token_id: 2 }).eosTokenIds).toEqual([2])
    expect(parse({ eos_token_id: 2 }, {}).eosTokenIds).toEqual([2])
    expect(parse({ eos_token_id: 2 }, { eos_token_id: [1, 2] }).eosTokenIds).toEqual([1, 2])
    expect(parse({ eos_token_id: 2 }, { eos_token_id: 7 }).eosTokenIds).toEqual([7])
    expect(parse({}).eosTokenIds).toEqual([])
    expect(parse({ bos_token_id: 5 }, { bos_token_id: null }).bosTokenId).toBe(5)
  })

  it('is greedy exactly if the file says do_sample: false, and takes its values otherwise', () => {
    const values = { temperature: 0.6, top_k: 20, top_p: 0.9, min_p: 0.05, repetition_penalty: 1.1 }
    const taken = { temperature: 0.6, topK: 20, topP: 0.9, minP: 0.05, repetitionPenalty: 1.1 }
    expect(parse({}, { do_sample: true, ...values })).toEqual({ eosTokenIds: [], ...taken })
    expect(parse({}, values)).toEqual({ eosTokenIds: [], ...taken })
    expect(parse({}, { do_sample: false, ...values })).toEqual({
      eosTokenIds: [],
      temperature: 0,
      repetitionPenalty: 1.1,
    })
    expect(parse({}, { top_k: null })).toEqual({ eosTokenIds: [] })
  })

  it('names file, field and value of what is out of range', async () => {
    const cases: [Record<string, unknown>, Record<string, unknown>, string][] = [
      [{ eos_token_id: 100 }, {}, 'config.json: eos_token_id is 100'],
      [{}, { eos_token_id: [1, -2] }, 'generation_config.json: eos_token_id is [1,-2]'],
      [{}, { eos_token_id: Array(65).fill(1) }, 'generation_config.json: eos_token_id is [1,1,'],
      [{}, { temperature: -1 }, 'generation_config.json: temperature is -1'],
      [{}, { top_p: '1' }, 'generation_config.json: top_p is "1"'],
      [{}, { do_sample: 1 }, 'generation_config.json: do_sample is 1'],
    ]
    for (const [config, generation, message] of cases) {
      const fault = await faultOf(() => parse(config, generation))
      expect(fault.code).toBe('EXO_MODEL_INVALID')
      expect(fault.message).toContain(message)
    }
  })
})
