import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { EPOCH, REQUEST_ID, STAGES, STAGES_MS, TOKENS } from '../observe/tracing/attributes.ts'
import { failSpan, inSpan } from '../observe/tracing/spans.ts'
import type { GenerationDone, GenerationRequest, StageDescription } from './generation.ts'
import type { ActivePlacement } from './placement.ts'

/** What a generation is traced with. */
export interface GenerationTraceOptions {
  readonly tracer: Tracer
  readonly id: string
  /** Name of the model. */
  readonly model: string
  readonly request: GenerationRequest
}

/** A prefill or decode steps under way. */
interface Work {
  readonly span: Span
  readonly isPrefill: boolean
  readonly tokensBefore: number
  /** How long each stage of the placement was busy with it, in milliseconds. */
  stageMs: readonly number[]
}

/**
 * The spans of one generation, by OpenTelemetry's conventions for generative AI where they have a name: the whole of it, and below it the
 * wait for a place, each placement, each prefill, each run of decode steps and each fail-over. Holds no text of a prompt or an answer.
 */
export class GenerationTrace {
  readonly #tracer: Tracer
  readonly #span: Span
  readonly #context: Context
  #promptTokens = 0
  #tokens = 0
  /** What the stages do now: a prefill or decode steps. */
  #stage: Work | undefined
  #placed: Attributes = {}
  #failover: { readonly span: Span; readonly context: Context } | undefined

  constructor({ tracer, id, model, request }: GenerationTraceOptions) {
    this.#tracer = tracer
    const operation = typeof request.prompt === 'string' ? 'text_completion' : 'chat'
    const parent = request.trace ?? ROOT_CONTEXT
    const attributes = { [REQUEST_ID]: id, ...requestAttributes(operation, model, request) }
    this.#span = tracer.startSpan(`${operation} ${model}`, { attributes }, parent)
    this.#context = trace.setSpan(parent, this.#span)
  }

  prompt(tokens: number): void {
    this.#promptTokens = tokens
    this.#span.setAttribute('gen_ai.usage.input_tokens', tokens)
  }

  /** The wait for a place among the running generations. */
  queued<T>(enter: () => Promise<T>): Promise<T> {
    return inSpan(this.#tracer, 'queue', { parent: this.#context }, enter)
  }

  /** The wait for a placement that works. Whatever the stages did before is over; with tokens before it, this begins a fail-over. */
  async placing(acquire: (context: Context) => Promise<ActivePlacement>): Promise<ActivePlacement> {
    if (this.#stage) this.#beginFailover()
    const parent = this.#failover?.context ?? this.#context
    const placement = await inSpan(this.#tracer, 'placement', { parent }, async (context, span) => {
      const acquired = await acquire(context)
      this.#placed = { [EPOCH]: acquired.epoch, [STAGES]: acquired.stages.map(stageText) }
      span.setAttributes(this.#placed)
      return acquired
    })
    this.#begin('prefill', parent, { [TOKENS]: this.#promptTokens + this.#tokens })
    return placement
  }

  /** A token has come, that took each stage so long; the first one after a placement with all of the prompt. */
  token(stageMs: readonly number[]): void {
    this.#busy(stageMs)
    if (this.#stage?.isPrefill) {
      this.#endStage()
      this.#failover?.span.setAttributes(this.#placed)
      this.#failover?.span.end()
      this.#failover = undefined
      this.#begin('decode', this.#context, {})
    }
    this.#tokens += 1
  }

  /** It is over: with its result, with what was thrown, or because its reader has left. */
  end(done: GenerationDone | undefined, error?: unknown): void {
    if (done) this.#span.setAttribute('gen_ai.response.finish_reasons', [done.finishReason])
    this.#span.setAttribute('gen_ai.usage.output_tokens', done?.tokenIds.length ?? this.#tokens)
    const failed = [this.#stage?.span, this.#failover?.span, this.#span]
    if (error !== undefined) for (const span of failed) if (span) failSpan(span, error)
    if (!done && error === undefined) this.#span.addEvent('the reader has left')
    this.#endStage()
    this.#failover?.span.end()
    this.#span.end()
  }

  #busy(stageMs: readonly number[]): void {
    if (!this.#stage) return
    const before = this.#stage.stageMs
    this.#stage.stageMs = stageMs.map((ms, index) => ms + (before[index] ?? 0))
  }

  #begin(name: 'prefill' | 'decode', parent: Context, attributes: Attributes): void {
    const options = { attributes: { ...this.#placed, ...attributes } }
    const span = this.#tracer.startSpan(name, options, parent)
    this.#stage = { span, isPrefill: name === 'prefill', tokensBefore: this.#tokens, stageMs: [] }
  }

  #endStage(): void {
    if (!this.#stage) return
    const { span, isPrefill, tokensBefore, stageMs } = this.#stage
    if (stageMs.length > 0) span.setAttribute(STAGES_MS, [...stageMs])
    if (!isPrefill) span.setAttribute(TOKENS, this.#tokens - tokensBefore)
    span.end()
    this.#stage = undefined
  }

  #beginFailover(): void {
    this.#stage?.span.setStatus({ code: SpanStatusCode.ERROR, message: 'a stage was lost' })
    this.#endStage()
    if (this.#failover) return
    const span = this.#tracer.startSpan('failover', {}, this.#context)
    this.#failover = { span, context: trace.setSpan(this.#context, span) }
  }
}

const stageText = ({ node, layers: [first, end] }: StageDescription): string => `${node} ${first}-${end - 1}`

function requestAttributes(operation: string, model: string, request: GenerationRequest): Attributes {
  const { maxTokens, sampling: { temperature, topP, topK, seed } = {} } = request
  return {
    'gen_ai.operation.name': operation,
    'gen_ai.provider.name': 'exovisor',
    'gen_ai.request.model': model,
    'gen_ai.response.model': model,
    ...(maxTokens !== undefined && { 'gen_ai.request.max_tokens': maxTokens }),
    ...(temperature !== undefined && { 'gen_ai.request.temperature': temperature }),
    ...(topP !== undefined && { 'gen_ai.request.top_p': topP }),
    ...(topK !== undefined && { 'gen_ai.request.top_k': topK }),
    ...(seed !== undefined && { 'gen_ai.request.seed': seed }),
  }
}
