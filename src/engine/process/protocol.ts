import { z } from 'zod'
import type { ErrorRecord } from '../../errors.ts'
import { type Frame, jsonFrame } from '../../network/frame.ts'
import type { ShardDescription, ShardSpec } from '../shard.ts'

/** What the supervising process tells an engine process over the supervision channel. */
export type EngineCommand =
  | {
      readonly type: 'load'
      readonly spec: ShardSpec
      /** Address for the tensor server. */
      readonly host: string
      /** Secret that neighbouring stages must show. */
      readonly key?: string
    }
  | { readonly type: 'link'; readonly id: number; readonly epoch: number; readonly next?: string }
  | { readonly type: 'health'; readonly id: number }

/** What happens to the generations of an engine, one event each: the inference machine counts them. */
export type EngineActivity = 'prefill.started' | 'decode.started' | 'generation.ended'

/** What an engine process answers. */
export type EngineReport =
  | { readonly type: 'loaded'; readonly endpoint: string; readonly shard: ShardDescription }
  | { readonly type: 'failed'; readonly error: ErrorRecord }
  | { readonly type: 'linked'; readonly id: number; readonly error?: ErrorRecord }
  | {
      readonly type: 'health'
      readonly id: number
      readonly step?: number
      readonly stepAgeMs?: number
      /** User and system time of all threads of the engine since it started. */
      readonly cpuMs: number
    }
  | { readonly type: 'activity'; readonly activity: EngineActivity }

/** The payload of an `open` frame: everything that a chain of stages must know of a request. */
export const openPayloadSchema = z.strictObject({
  /** Prompt and generated ids so far. */
  ids: z.array(z.int().min(0).max(0x7fffffff)).min(1).max(1_048_576),
  /** How many tokens may still be generated. */
  maxTokens: z.int().min(1).max(1_048_576),
  /** No token is made for this position or a later one before a `credit` frame has moved it. Default: no such limit. */
  until: z.int().min(1).exactOptional(),
  /** Ids that end the generation. */
  stopIds: z.array(z.int().min(0)).max(64),
  sampling: z.strictObject({
    temperature: z.number(),
    topK: z.number(),
    topP: z.number(),
    minP: z.number(),
    repetitionPenalty: z.number(),
    seed: z.number(),
  }),
})

/** See {@link openPayloadSchema}. */
export type OpenPayload = z.infer<typeof openPayloadSchema>

/** The payload of a `close` frame on its way up: why a generation ended. On its way down it is empty. */
export const closePayloadSchema = z.strictObject({ reason: z.enum(['stop', 'length']) })

/**
 * The first frame on a link: it belongs to no request, and shows whose epoch the link is, so that the stage below
 * can tell of a failure also before the first request.
 */
export const greetingFrame = (epoch: number): Frame => jsonFrame({ kind: 'close', epoch, request: 0 }, {})

/** The payload of an `error` frame. Request 0 means the whole link. */
export const errorPayloadSchema = z.object({
  code: z.string().max(64),
  message: z.string().max(4_096),
})
