import type { Context, Tracer } from '@opentelemetry/api'
import { enterWork } from '../concurrency/enter-work.ts'
import type { TaskPlace } from '../concurrency/task-registry.ts'
import { parseSampling } from '../engine/sampler.ts'
import { ExovisorError, isExovisorError } from '../errors.ts'
import type { Model } from '../models/model.ts'
import type { ModelTokenizer } from '../models/tokenizer.ts'
import type { GenerationMetrics } from '../observe/metrics.ts'
import { noTracing } from '../observe/tracing/tracing.ts'
import type { ResourceLog } from '../resources/types.ts'
import type { Admission } from './admission.ts'
import type { GenerationDone, GenerationEvent, GenerationRequest } from './generation.ts'
import { GenerationTally } from './generation-tally.ts'
import { GenerationTrace } from './generation-trace.ts'
import type { ActivePlacement } from './placement.ts'
import { Session } from './session.ts'

/** What a model needs to answer: its texts, its defaults, and a way to a placement that works. */
export interface ModelServiceOptions {
  readonly model: Model
  readonly tokenizer: ModelTokenizer
  /** The longest sequence in tokens. */
  readonly context: number
  readonly admission: Admission
  readonly acquire: (signal: AbortSignal | undefined, trace: Context) => Promise<ActivePlacement>
  /** Milliseconds, monotonic. */
  readonly now: () => number
  /** A seed for a request that gives none: a whole number from 0 to 2^31 - 1. */
  readonly randomSeed: () => number
  /** Makes the id of a generation that has none. */
  readonly newId: () => string
  /** Is told of each generation. */
  readonly metrics?: GenerationMetrics
  /** Default: none of them has spans. */
  readonly tracer?: Tracer
  readonly log: ResourceLog
  /** Where each generation is seen while it runs, or waits to be let in. */
  readonly place: TaskPlace
}

/** One model as its callers see it: from a request to its events. */
export class ModelService {
  readonly #options: ModelServiceOptions

  constructor(options: ModelServiceOptions) {
    this.#options = options
  }

  /** Whether the model takes the messages of a chat. */
  get chat(): boolean {
    return this.#options.tokenizer.hasChatTemplate
  }

  /**
   * Runs one generation. Leaving the loop early, or the signal, stops the work in every stage.
   *
   * @throws EXO_ENGINE_BUSY, EXO_PROMPT_TOO_LONG, EXO_REQUEST_INVALID, EXO_SAMPLING_INVALID, EXO_TEMPLATE_INVALID, and what
   *   {@link Session.run} throws
   */
  async *generate(request: GenerationRequest): AsyncGenerator<GenerationEvent, void, undefined> {
    const { model, metrics, now, tracer = noTracing.tracer, newId, log } = this.#options
    const { id = newId() } = request
    const tally = new GenerationTally(model.name, metrics, now)
    const trace = new GenerationTrace({ tracer, id, model: model.name, request })
    let done: GenerationDone | undefined
    let thrown: unknown
    try {
      for await (const event of this.#run(request, trace)) {
        tally.note(event)
        if (event.type === 'failover') logFailover(log, id, event)
        if (event.type === 'done') done = event
        yield event
      }
    } catch (error) {
      thrown = error
      throw error
    } finally {
      // A loop that is left early throws nothing.
      const facts = tally.finish(thrown === undefined || isExovisorError(thrown, 'EXO_ABORTED'))
      trace.end(done, thrown)
      log.debug({ request: id, ...facts }, 'a generation is over')
    }
  }

  async *#run(
    request: GenerationRequest,
    trace: GenerationTrace,
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    const { model, tokenizer, admission, acquire, now, randomSeed, place } = this.#options
    const { generation } = model
    const promptIds = this.#promptIds(request.prompt)
    trace.prompt(promptIds.length)
    const { eosTokenIds, bosTokenId: _bos, ...defaults } = generation
    const session = new Session({
      promptIds,
      maxTokens: this.#maxTokens(promptIds.length, request.maxTokens),
      stopIds: eosTokenIds,
      stop: request.stop ?? [],
      sampling: parseSampling({ seed: randomSeed(), ...defaults, ...request.sampling }),
      tokenizer,
      acquire: signal => trace.placing(context => acquire(signal, context)),
      now,
      onToken: stageMs => trace.token(stageMs),
      ...(request.signal && { signal: request.signal }),
    })
    const generating = enterWork(place, 'generate', request.signal)
    try {
      const waiting = enterWork(generating.place, 'wait for a place', request.signal)
      const leave = await trace.queued(() => admission.enter(request.signal)).finally(() => waiting.end())
      try {
        yield* session.run()
      } finally {
        leave()
      }
    } finally {
      generating.end()
    }
  }

  #promptIds(prompt: GenerationRequest['prompt']): readonly number[] {
    const { tokenizer, context } = this.#options
    const ids =
      typeof prompt === 'string'
        ? tokenizer.encode(prompt)
        : tokenizer.encode(tokenizer.chat(prompt.messages), { addSpecial: false })
    if (ids.length === 0)
      throw new ExovisorError('EXO_REQUEST_INVALID', 'the prompt is empty: expected at least one token')
    if (ids.length >= context)
      throw new ExovisorError(
        'EXO_PROMPT_TOO_LONG',
        `the prompt has ${ids.length} tokens, and the context of ${context} must also hold the answer`,
        { details: { promptTokens: ids.length, context } },
      )
    return ids
  }

  #maxTokens(promptTokens: number, asked: number | undefined): number {
    if (asked !== undefined && (!Number.isInteger(asked) || asked < 1))
      throw new ExovisorError(
        'EXO_REQUEST_INVALID',
        `maxTokens is ${asked}: expected a whole number of 1 or more`,
      )
    return Math.min(asked ?? Number.POSITIVE_INFINITY, this.#options.context - promptTokens)
  }
}

function logFailover(
  log: ResourceLog,
  request: string,
  { epoch, gapMs, reason }: Extract<GenerationEvent, { type: 'failover' }>,
): void {
  log.warn(
    { request, epoch, gapMs: Math.round(gapMs), reason },
    'a generation goes on with another placement',
  )
}
