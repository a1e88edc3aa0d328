import type { ErrorRecord } from '../errors.ts'
import type { SamplingParameters } from './sampling-parameters.ts'
import type { ShardDescription, ShardSpec } from './shard.ts'

/** Work for the compute worker. Jobs of one request are done in the order in which they are given. */
export type Job = OpenJob | ForwardJob | GenerateJob | CreditJob | CloseJob

/** Begins a request. One that is open under the same number is closed first. */
export interface OpenJob {
  readonly type: 'open'
  readonly request: number
  /** Prompt and what was generated so far. Only the last shard of a chain, or a whole model, needs them. */
  readonly ids: Int32Array
  readonly sampling: SamplingParameters
}

/**
 * Computes rows of a sequence, as one stage of a chain. Answered by `hidden`; on the last shard by `token` if it
 * samples, else by `advanced`. Needs a free slot at once: otherwise the request fails with EXO_ENGINE_BUSY.
 */
export interface ForwardJob {
  readonly type: 'forward'
  readonly request: number
  /** Index of the first row in the sequence. */
  readonly position: number
  readonly rows: number
  /** 32-bit token ids for the first shard, 32-bit floats `[rows, hiddenSize]` for the others. It is transferred. */
  readonly input: ArrayBuffer
  /** Only on the last shard: whether the token after the last row is chosen, and added to the request's ids. */
  readonly sample: boolean
}

/**
 * Generates all by itself, on a shard that is a whole model: the opened ids in chunks, then token after token.
 * Waits for a free slot if need be. Ends with `finished`, and the request is closed then.
 */
export interface GenerateJob {
  readonly type: 'generate'
  readonly request: number
  readonly maxTokens: number
  /** See {@link CreditJob}. Default: no limit. */
  readonly until?: number
  /** A token that ends the generation; there is no `token` for it. */
  readonly stopIds: readonly number[]
}

/**
 * Lets a {@link GenerateJob} go on: tokens may come for every position before `until`. One that has used its credit up keeps its slot and
 * takes part in no step. An unknown request is not an error.
 */
interface CreditJob {
  readonly type: 'credit'
  readonly request: number
  readonly until: number
}

/** Ends a request and frees its slot, after the step that runs now. An unknown one is not an error. */
interface CloseJob {
  readonly type: 'close'
  readonly request: number
}

/** What the compute worker answers. After `finished` and `failed` the request is closed. */
export type Done =
  | {
      readonly type: 'hidden'
      readonly request: number
      readonly position: number
      readonly rows: number
      readonly data: ArrayBuffer
    }
  /** `position` is the index of the new token in the sequence. */
  | { readonly type: 'token'; readonly request: number; readonly position: number; readonly id: number }
  /** `position` is the index of the row that would come next. */
  | { readonly type: 'advanced'; readonly request: number; readonly position: number }
  | { readonly type: 'finished'; readonly request: number; readonly reason: 'stop' | 'length' }
  | { readonly type: 'failed'; readonly request: number; readonly error: ErrorRecord }

/** How many requests may be open beyond those that have a slot. */
export const MAX_WAITING = 64

/** What a compute worker is started with. */
export interface WorkerInput {
  readonly spec: ShardSpec
  /** Where it notes its running step, see `step-clock.ts`. */
  readonly steps: SharedArrayBuffer
}

/** Everything that is sent to a compute worker. */
export type ToWorker = Job | { readonly type: 'stop' }

/** Everything that a compute worker sends. */
export type FromWorker =
  | Done
  | { readonly type: 'ready'; readonly description: ShardDescription }
  | { readonly type: 'refused'; readonly error: ErrorRecord }
