import { ExovisorError } from '../errors.ts'
import type { ModelConfig } from '../models/model.ts'

/** Which layers of which model an engine computes, and how. */
export interface ShardSpec {
  /** Directory of the model. */
  readonly model: string
  readonly layers: readonly [first: number, endExclusive: number]
  /** The longest sequence in tokens; at most what the model allows. */
  readonly context: number
  /** How many sequences the shard holds at a time. */
  readonly slots: number
  /** Compute threads. */
  readonly threads: number
  /** The most tokens of a prompt that are computed in one step. */
  readonly prefillChunk: number
  /** `dummy` follows the model's sizes but reads no weights. */
  readonly kind: 'onnx' | 'dummy'
}

/** What a loaded shard is. */
export interface ShardDescription {
  readonly layers: readonly [first: number, endExclusive: number]
  readonly hiddenSize: number
  readonly vocabSize: number
  /** True for the shard with the first layer: its input is token ids. */
  readonly first: boolean
  /** True for the shard with the last layer: its output is logits. */
  readonly last: boolean
  /** The longest sequence in tokens that this shard takes. */
  readonly contextLength: number
  /** Milliseconds that one token of one sequence took after the warm-up; absent where nothing was warmed up. */
  readonly stepMs?: number
}

/** Token ids for the first shard, hidden states for the others, row after row. */
export type ShardInput = Int32Array | Float32Array

/**
 * The layers of a shard, ready to run, with a KV cache of `slots` sequences. It belongs to one thread.
 *
 * A returned array is a view that the next call overwrites. A call answers with a promise only where the
 * ONNX Runtime binding leaves no other way (see `ort-runner.ts`); calls must not overlap.
 */
export interface ShardCompute {
  readonly description: ShardDescription
  readonly first: boolean
  readonly last: boolean
  readonly hiddenSize: number
  readonly vocabSize: number
  /**
   * Takes a free slot, the lowest one.
   * @throws EXO_ENGINE_BUSY when there is none
   */
  acquire(): number
  release(slot: number): void
  /**
   * Computes `rows` consecutive tokens of one sequence.
   *
   * @param position index of the first row in the sequence; what the slot holds from there on is forgotten
   * @param wantLogits on the last shard: whether the output projection is computed for the last row
   * @returns hidden states `[rows * hiddenSize]`; on the last shard the logits of the last row, or an empty array
   * @throws EXO_ENGINE_FAILED, EXO_PROMPT_TOO_LONG beyond the context
   */
  forward(
    slot: number,
    position: number,
    input: ShardInput,
    rows: number,
    wantLogits: boolean,
  ): Float32Array | Promise<Float32Array>
  /**
   * Computes one token of each of several sequences, with the very same results as one `forward` each.
   *
   * @param slots all different, in any order
   * @returns hidden states `[slots.length * hiddenSize]`, or logits `[slots.length * vocabSize]`, in the order of `slots`
   */
  decodeBatch(
    slots: readonly number[],
    positions: readonly number[],
    input: ShardInput,
  ): Float32Array | Promise<Float32Array>
  /** Gives all memory back. */
  dispose(): void | Promise<void>
}

interface Range {
  readonly field: string
  readonly value: number
  readonly min: number
  readonly max: number
}

/**
 * Checks a spec against the model it names.
 * @throws EXO_CONFIG_INVALID naming the field, its value and what was expected
 */
export function describeShard(spec: ShardSpec, config: ModelConfig): ShardDescription {
  const [first, end] = spec.layers
  const ranges: readonly Range[] = [
    { field: 'layers[0]', value: first, min: 0, max: config.layers - 1 },
    { field: 'layers[1]', value: end, min: first + 1, max: config.layers },
    { field: 'context', value: spec.context, min: 1, max: config.contextLength },
    { field: 'slots', value: spec.slots, min: 1, max: 1_024 },
    { field: 'threads', value: spec.threads, min: 1, max: 256 },
    { field: 'prefillChunk', value: spec.prefillChunk, min: 1, max: 4_096 },
  ]
  for (const { field, value, min, max } of ranges) {
    if (Number.isInteger(value) && value >= min && value <= max) continue
    throw new ExovisorError(
      'EXO_CONFIG_INVALID',
      `shard of ${spec.model}: ${field} is ${value}, expected a whole number from ${min} to ${max}`,
      { details: { field, value, min, max } },
    )
  }
  return {
    layers: [first, end],
    hiddenSize: config.hiddenSize,
    vocabSize: config.vocabSize,
    first: first === 0,
    last: end === config.layers,
    contextLength: spec.context,
  }
}
