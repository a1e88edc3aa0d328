// A Llama as one would write it down: 64-bit floats, no cache, no cleverness. What the engine is compared with.
import { readFileSync } from 'node:fs'
import type { Model, ModelConfig, TensorLocation } from '../../src/models/model.ts'

type Matrix = number[][]

function halfToNumber(bits: number): number {
  const exponent = (bits & 0x7c00) >> 10
  const fraction = bits & 0x3ff
  const size = exponent === 0 ? (fraction / 1024) * 2 ** -14 : (1 + fraction / 1024) * 2 ** (exponent - 15)
  return bits & 0x8000 ? -size : size
}

function valuesOf({ file, dtype, offset, bytes }: TensorLocation): number[] {
  const data = readFileSync(file).subarray(offset, offset + bytes)
  if (dtype === 'F32') return Array.from({ length: bytes / 4 }, (_, i) => data.readFloatLE(4 * i))
  return Array.from({ length: bytes / 2 }, (_, i) => {
    const bits = data.readUInt16LE(2 * i)
    if (dtype === 'F16') return halfToNumber(bits)
    const wide = Buffer.alloc(4)
    wide.writeUInt16LE(bits, 2)
    return wide.readFloatLE()
  })
}

function frequency({ headDim, ropeTheta, ropeScaling: scaling }: ModelConfig, pair: number): number {
  const plain = 1 / ropeTheta ** ((2 * pair) / headDim)
  if (scaling === undefined) return plain
  if (scaling.type === 'linear') return plain / scaling.factor
  const wavelength = (2 * Math.PI) / plain
  const { originalContextLength: old, lowFrequencyFactor: low, highFrequencyFactor: high } = scaling
  if (wavelength < old / high) return plain
  if (wavelength > old / low) return plain / scaling.factor
  const smooth = (old / wavelength - low) / (high - low)
  return ((1 - smooth) * plain) / scaling.factor + smooth * plain
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((total, x, i) => total + x * b[i]!, 0)
const add = (a: readonly number[], b: readonly number[]) => a.map((x, i) => x + b[i]!)

export class ReferenceLlama {
  readonly #model: Model
  readonly #matrices = new Map<string, Matrix>()

  constructor(model: Model) {
    this.#model = model
  }

  /** Logits after each of the ids. */
  logits(ids: readonly number[]): number[][] {
    let hidden = ids.map(id => this.#matrix('model.embed_tokens.weight')[id]!)
    for (let layer = 0; layer < this.#model.config.layers; layer++) hidden = this.#layer(hidden, layer)
    return hidden.map(row => this.#times(this.#norm(row, 'model.norm.weight'), 'lm_head.weight'))
  }

  greedy(prompt: readonly number[], count: number): number[] {
    const ids = [...prompt]
    while (ids.length < prompt.length + count) {
      const last = this.logits(ids).at(-1)!
      ids.push(last.indexOf(Math.max(...last)))
    }
    return ids.slice(prompt.length)
  }

  #layer(hidden: Matrix, layer: number): Matrix {
    const at = `model.layers.${layer}`
    const normed = hidden.map(row => this.#norm(row, `${at}.input_layernorm.weight`))
    const attended = this.#attention(normed, `${at}.self_attn`)
    return hidden.map((row, i) => {
      const middle = add(row, attended[i]!)
      const x = this.#norm(middle, `${at}.post_attention_layernorm.weight`)
      const gate = this.#times(x, `${at}.mlp.gate_proj.weight`)
      const up = this.#times(x, `${at}.mlp.up_proj.weight`)
      const inner = gate.map((g, j) => (g / (1 + Math.exp(-g))) * up[j]!)
      return add(middle, this.#times(inner, `${at}.mlp.down_proj.weight`))
    })
  }

  #attention(rows: Matrix, at: string): Matrix {
    const { heads, kvHeads, headDim } = this.#model.config
    const split = (row: readonly number[], count: number) =>
      Array.from({ length: count }, (_, head) => row.slice(head * headDim, (head + 1) * headDim))
    const queries = rows.map((row, p) =>
      split(this.#times(row, `${at}.q_proj.weight`), heads).map(q => this.#rotate(q, p)),
    )
    const keys = rows.map((row, p) =>
      split(this.#times(row, `${at}.k_proj.weight`), kvHeads).map(k => this.#rotate(k, p)),
    )
    const values = rows.map(row => split(this.#times(row, `${at}.v_proj.weight`), kvHeads))
    return queries.map((heads_, position) => {
      const mixed = heads_.flatMap((query, head) => {
        const group = Math.floor(head / (heads / kvHeads))
        const seen = keys.slice(0, position + 1)
        const weights = seen.map(key => Math.exp(dot(query, key[group]!) / Math.sqrt(headDim)))
        const total = weights.reduce((a, b) => a + b, 0)
        return Array.from({ length: headDim }, (_, i) =>
          weights.reduce((sum, weight, j) => sum + (weight / total) * values[j]![group]![i]!, 0),
        )
      })
      return this.#times(mixed, `${at}.o_proj.weight`)
    })
  }

  #rotate(vector: readonly number[], position: number): number[] {
    const half = vector.length / 2
    return vector.map((x, i) => {
      const angle = position * frequency(this.#model.config, i % half)
      const other = i < half ? -vector[i + half]! : vector[i - half]!
      return x * Math.cos(angle) + other * Math.sin(angle)
    })
  }

  #norm(row: readonly number[], weight: string): number[] {
    const scale = 1 / Math.sqrt(dot(row, row) / row.length + this.#model.config.rmsNormEps)
    const [gains] = this.#matrix(weight)
    return row.map((x, i) => x * scale * gains![i]!)
  }

  #times(row: readonly number[], weight: string): number[] {
    return this.#matrix(weight).map(column => dot(row, column))
  }

  #matrix(name: string): Matrix {
    const known = this.#matrices.get(name)
    if (known) return known
    const location = this.#model.tensors.get(name)!
    const values = valuesOf(location)
    const width = location.shape.at(-1)!
    const matrix = Array.from({ length: values.length / width }, (_, i) =>
      values.slice(i * width, (i + 1) * width),
    )
    this.#matrices.set(name, matrix)
    return matrix
  }
}
