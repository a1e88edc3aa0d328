import { ExovisorError } from '../errors.ts'
import type { Model, ModelConfig } from '../models/model.ts'
import { type OnnxConstant, type OnnxGraph, type OnnxNode, type OnnxValue, onnxType } from './onnx-model.ts'
import { ExternalWeights, locateTensor, readTensor } from './weights.ts'

/** A graph together with the folder that its external constants are relative to. */
export interface WeightedGraph {
  readonly graph: OnnxGraph
  readonly folder: string
}

const { FLOAT, INT32, INT64 } = onnxType
const MICROSOFT = 'com.microsoft'

/** Nodes and constants of a graph under construction. */
class GraphDraft {
  readonly nodes: OnnxNode[] = []
  readonly external = new ExternalWeights()
  readonly #embedded: OnnxConstant[] = []
  readonly #model: Model

  constructor(model: Model) {
    this.#model = model
  }

  get constants(): OnnxConstant[] {
    return [...this.#embedded, ...this.external.constants()]
  }

  /** A vector, copied into the graph: a mapped one would be read at every step, whatever becomes of the file. */
  vector(name: string, size: number): string {
    const data = readTensor(name, locateTensor(this.#model, name, [size]))
    this.#embedded.push({ name, type: FLOAT, dims: [size], data })
    return name
  }

  /** `output = input * transpose(weight)`. The widening and transposing are folded into the weight at load. */
  linear(input: string, weight: string, outSize: number, inSize: number, output: string): string {
    const location = locateTensor(this.#model, weight, [outSize, inSize])
    this.external.add(weight, location)
    const wide = location.dtype === 'F32' ? weight : `${weight}/f32`
    if (wide !== weight)
      this.nodes.push({ op: 'Cast', inputs: [weight], outputs: [wide], ints: { to: FLOAT } })
    const turned = `${weight}/transposed`
    this.nodes.push(
      { op: 'Transpose', inputs: [wide], outputs: [turned], intLists: { perm: [1, 0] } },
      { op: 'MatMul', inputs: [input, turned], outputs: [output] },
    )
    return output
  }

  rotary(input: string): string {
    const output = `${input}/turned`
    const inputs = [input, 'positions', 'cos', 'sin']
    this.nodes.push({ op: 'RotaryEmbedding', domain: MICROSOFT, inputs, outputs: [output] })
    return output
  }

  graph(name: string, inputs: readonly OnnxValue[], outputs: readonly OnnxValue[]): WeightedGraph {
    const { nodes, constants, external } = this
    return { graph: { name, inputs, outputs, nodes, constants }, folder: external.folder }
  }
}

const float = (name: string, dims: readonly (number | string)[]): OnnxValue => ({ name, type: FLOAT, dims })
const int = (name: string, dims: readonly string[], type: number = INT32): OnnxValue => ({ name, type, dims })

/**
 * Checks that the attention kernel can take the model's heads.
 * @throws EXO_ARCHITECTURE_UNKNOWN
 */
export function requireHeadSize({ directory, config: { headDim } }: Model): void {
  if (headDim % 8 === 0) return
  throw new ExovisorError(
    'EXO_ARCHITECTURE_UNKNOWN',
    `${directory}: the head size is ${headDim}, expected a multiple of 8`,
    { details: { headDim } },
  )
}

/** The attention kernel turns queries and keys by itself only where the head size is a multiple of 16. */
export const needsPositions = ({ headDim }: ModelConfig): boolean => headDim % 16 !== 0

/**
 * One decoder layer. Inputs: `hidden [batch, rows, hiddenSize]`, the key and value cache of `batch` slots (updated in
 * place through the outputs `present_key` and `present_value`), `last` (index of the last row, per sequence), `total`
 * (the longest sequence), the rotary tables and, only if {@link needsPositions}, `positions [batch, rows]`.
 * Output: `hidden_out`.
 *
 * Every shard runs a layer as this one graph, so a split model computes exactly what a whole one does.
 */
export function llamaLayer(model: Model, layer: number, context: number): WeightedGraph {
  const { hiddenSize, heads, kvHeads, headDim } = model.config
  const prefix = `model.layers.${layer}`
  const draft = new GraphDraft(model)
  draft.nodes.push(
    normNode(model.config, 'hidden', draft.vector(`${prefix}.input_layernorm.weight`, hiddenSize)),
  )
  const project = (name: string, size: number) =>
    draft.linear('normed', `${prefix}.self_attn.${name}_proj.weight`, size, hiddenSize, name)
  const outside = needsPositions(model.config)
  const turn = (input: string) => (outside ? draft.rotary(input) : input)
  const query = turn(project('q', heads * headDim))
  const key = turn(project('k', kvHeads * headDim))
  const value = project('v', kvHeads * headDim)
  draft.nodes.push({
    op: 'GroupQueryAttention',
    domain: MICROSOFT,
    inputs: [
      query,
      key,
      value,
      'key_cache',
      'value_cache',
      'last',
      'total',
      ...(outside ? [] : ['cos', 'sin']),
    ],
    outputs: ['attended', 'present_key', 'present_value'],
    ints: { num_heads: heads, kv_num_heads: kvHeads, do_rotary: outside ? 0 : 1 },
  })
  draft.linear('attended', `${prefix}.self_attn.o_proj.weight`, hiddenSize, heads * headDim, 'attention')
  feedForward(draft, model.config, prefix)
  const cache = ['batch', kvHeads, context, headDim]
  return draft.graph(
    prefix,
    [
      float('hidden', ['batch', 'rows', hiddenSize]),
      float('key_cache', cache),
      float('value_cache', cache),
      int('last', ['batch']),
      int('total', []),
      float('cos', [context, headDim / 2]),
      float('sin', [context, headDim / 2]),
      ...(outside ? [int('positions', ['batch', 'rows'], INT64)] : []),
    ],
    [
      float('hidden_out', ['batch', 'rows', hiddenSize]),
      float('present_key', cache),
      float('present_value', cache),
    ],
  )
}

function feedForward(draft: GraphDraft, config: ModelConfig, prefix: string): void {
  const { hiddenSize, intermediateSize, rmsNormEps } = config
  draft.nodes.push({
    op: 'SkipSimplifiedLayerNormalization',
    domain: MICROSOFT,
    inputs: ['attention', 'hidden', draft.vector(`${prefix}.post_attention_layernorm.weight`, hiddenSize)],
    outputs: ['mlp_normed', '', '', 'residual'],
    floats: { epsilon: rmsNormEps },
  })
  const gate = draft.linear(
    'mlp_normed',
    `${prefix}.mlp.gate_proj.weight`,
    intermediateSize,
    hiddenSize,
    'gate',
  )
  const up = draft.linear('mlp_normed', `${prefix}.mlp.up_proj.weight`, intermediateSize, hiddenSize, 'up')
  draft.nodes.push(
    { op: 'Sigmoid', inputs: [gate], outputs: ['sigmoid'] },
    { op: 'Mul', inputs: [gate, 'sigmoid'], outputs: ['activated'] },
    { op: 'Mul', inputs: ['activated', up], outputs: ['gated'] },
  )
  draft.linear('gated', `${prefix}.mlp.down_proj.weight`, hiddenSize, intermediateSize, 'mlp')
  draft.nodes.push({ op: 'Add', inputs: ['residual', 'mlp'], outputs: ['hidden_out'] })
}

function normNode({ rmsNormEps }: ModelConfig, input: string, weight: string): OnnxNode {
  return {
    op: 'SimplifiedLayerNormalization',
    inputs: [input, weight],
    outputs: ['normed'],
    ints: { stash_type: 1 },
    floats: { epsilon: rmsNormEps },
  }
}

/** Final norm and output projection: `hidden [batch, hiddenSize]` to `logits [batch, vocabSize]`. */
export function llamaHead(model: Model): WeightedGraph {
  const { hiddenSize, vocabSize } = model.config
  const draft = new GraphDraft(model)
  draft.nodes.push(normNode(model.config, 'hidden', draft.vector('model.norm.weight', hiddenSize)))
  draft.linear('normed', 'lm_head.weight', vocabSize, hiddenSize, 'logits')
  return draft.graph(
    'head',
    [float('hidden', ['batch', hiddenSize])],
    [float('logits', ['batch', vocabSize])],
  )
}
