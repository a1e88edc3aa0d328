import type { Context } from '@opentelemetry/api'
import type { SamplingParameters } from '../engine/sampler.ts'

/** One message of a chat, as the model's chat template takes it. */
export interface ChatMessage {
  readonly role: string
  readonly content: string
}

/** What a caller wants to be generated. */
export interface GenerationRequest {
  /** The raw text, or the messages of a chat (then the model's chat template is applied). */
  readonly prompt: string | { readonly messages: readonly ChatMessage[] }
  /** The most tokens to generate. Default: what is left of the context. */
  readonly maxTokens?: number
  /** Anything not given comes from the model's generation config, then from the defaults. */
  readonly sampling?: Partial<SamplingParameters>
  /** Texts that end the generation; they are not part of the result. At most 16, each at most 256 characters. */
  readonly stop?: readonly string[]
  /** Stops the generation. */
  readonly signal?: AbortSignal
  /** Names it in log lines and spans, e.g. the id of an HTTP request. Default: a random one. */
  readonly id?: string
  /** The trace that its spans belong to, as a context of OpenTelemetry. Default: a trace of its own. */
  readonly trace?: Context
}

/** One stage of a placement, as it is shown to people and programs. */
export interface StageDescription {
  /** Name of the node. */
  readonly node: string
  /** Process id of the node. */
  readonly pid: number
  /** Process id of the engine that holds the layers. */
  readonly enginePid: number
  /** First layer, and the one after the last. */
  readonly layers: readonly [first: number, endExclusive: number]
  /** Only on the node that holds the session. */
  readonly entry?: true
}

/** What a generation tells while it runs: placements and fail-overs, tokens in order, and one `done` at the end. */
export type GenerationEvent =
  | { readonly type: 'placement'; readonly epoch: number; readonly stages: readonly StageDescription[] }
  | { readonly type: 'token'; readonly position: number; readonly id: number; readonly text: string }
  | { readonly type: 'failover'; readonly epoch: number; readonly gapMs: number; readonly reason: string }
  | GenerationDone

/** The end of a generation. */
export interface GenerationDone {
  readonly type: 'done'
  readonly promptIds: readonly number[]
  /** The generated ids, without the stop token. */
  readonly tokenIds: readonly number[]
  readonly text: string
  /** `stop`: a stop token or stop text came; `length`: maxTokens or the context was reached. */
  readonly finishReason: 'stop' | 'length'
  readonly stats: GenerationStats
}

/** How fast a generation was, as the session at the entry node saw it. */
export interface GenerationStats {
  /** From the request to the first token, in milliseconds. */
  readonly ttftMs: number
  /** Tokens after the first, per second between the first and the last. */
  readonly decodeTokensPerSecond: number
  /** Prompt tokens per second until the first token. */
  readonly prefillTokensPerSecond: number
}
