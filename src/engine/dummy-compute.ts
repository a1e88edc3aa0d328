import type { Model } from '../models/model.ts'
import {
  describeShard,
  type ShardCompute,
  type ShardDescription,
  type ShardInput,
  type ShardSpec,
} from './shard.ts'
import { checkInput, SlotTable } from './slot-table.ts'

const NOTHING = new Float32Array(0)
const CANDIDATES = 16

/** Mixes two 32-bit numbers to one; from the finaliser of MurmurHash3 by Austin Appleby (public domain). */
function mix(one: number, other: number): number {
  let hash = Math.imul(one ^ Math.imul(other, 0x9e3779b1), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/**
 * An engine without weights: tokens follow from all ids before them and the number of layers, by hashing. Like a real
 * one it keeps a state for each layer, slot and position, so that lost or stale positions change the tokens, and
 * splitting the layers over shards does not. Of a hidden row the first two floats carry the state, 16 bits each. It never chooses a token that begins or ends a text.
 */
export class DummyCompute implements ShardCompute {
  readonly description: ShardDescription
  readonly first: boolean
  readonly last: boolean
  readonly hiddenSize: number
  readonly vocabSize: number
  readonly #slots: SlotTable
  readonly #context: number
  /** For each layer: a hash of everything up to a position, `[slots, context]`. */
  readonly #states: readonly { readonly layer: number; readonly prefix: Uint32Array }[]
  readonly #special: ReadonlySet<number>

  /** @throws EXO_CONFIG_INVALID */
  constructor(model: Model, spec: ShardSpec) {
    this.description = describeShard(spec, model.config)
    this.first = this.description.first
    this.last = this.description.last
    this.hiddenSize = this.description.hiddenSize
    this.vocabSize = this.description.vocabSize
    this.#context = spec.context
    this.#slots = new SlotTable(spec.slots, spec.context)
    const [start, end] = spec.layers
    this.#states = Array.from({ length: end - start }, (_, index) => ({
      layer: start + index,
      prefix: new Uint32Array(spec.slots * spec.context),
    }))
    const { eosTokenIds, bosTokenId } = model.generation
    this.#special = new Set([...eosTokenIds, ...(bosTokenId === undefined ? [] : [bosTokenId])])
  }

  acquire(): number {
    return this.#slots.acquire()
  }

  release(slot: number): void {
    this.#slots.release(slot)
  }

  forward(
    slot: number,
    position: number,
    input: ShardInput,
    rows: number,
    wantLogits: boolean,
  ): Float32Array {
    this.#slots.check(slot, position, rows)
    checkInput(input, rows, this.first, this.hiddenSize)
    const hidden = new Float32Array(this.last ? 0 : rows * this.hiddenSize)
    let state = 0
    for (let row = 0; row < rows; row++) {
      state = this.#throughLayers(slot, position + row, this.#stateOf(input, row))
      if (this.last) continue
      hidden[row * this.hiddenSize] = state >>> 16
      hidden[row * this.hiddenSize + 1] = state & 0xffff
    }
    this.#slots.advance(slot, position + rows)
    if (!this.last) return hidden
    return wantLogits ? this.#logits(state) : NOTHING
  }

  decodeBatch(slots: readonly number[], positions: readonly number[], input: ShardInput): Float32Array {
    checkInput(input, slots.length, this.first, this.hiddenSize)
    const inputWidth = this.first ? 1 : this.hiddenSize
    const width = this.last ? this.vocabSize : this.hiddenSize
    const output = new Float32Array(slots.length * width)
    for (const [index, slot] of slots.entries()) {
      const row = input.subarray(index * inputWidth, (index + 1) * inputWidth)
      output.set(this.forward(slot, positions[index] ?? -1, row, 1, true), index * width)
    }
    return output
  }

  dispose(): void {}

  #stateOf(input: ShardInput, row: number): number {
    if (input instanceof Int32Array) return mix(0x65786f, input[row] ?? 0)
    return (((input[row * this.hiddenSize] ?? 0) << 16) | (input[row * this.hiddenSize + 1] ?? 0)) >>> 0
  }

  #throughLayers(slot: number, position: number, start: number): number {
    let state = start
    for (const { layer, prefix } of this.#states) {
      const index = slot * this.#context + position
      const before = position === 0 ? layer : (prefix[index - 1] ?? 0)
      prefix[index] = mix(before, state)
      state = mix(state, mix(prefix[index] ?? 0, position))
    }
    return state
  }

  #logits(state: number): Float32Array {
    const logits = new Float32Array(this.vocabSize).fill(-20)
    let seed = state
    for (let rank = 0; rank < CANDIDATES; rank++) {
      seed = mix(seed, rank + 1)
      const id = seed % this.vocabSize
      if (!this.#special.has(id)) logits[id] = Math.max(logits[id] ?? 0, 8 - rank / 2)
    }
    return logits
  }
}
