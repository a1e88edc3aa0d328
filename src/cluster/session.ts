import { refuseAborted } from '../concurrency/refuse-aborted.ts'
import type { SamplingParameters } from '../engine/sampler.ts'
import { ExovisorError, isExovisorError } from '../errors.ts'
import { createDetokenizer, type Detokenizer } from '../models/detokenizer.ts'
import { createStopMatcher, type StopMatcher } from '../models/stop-matcher.ts'
import type { ModelTokenizer } from '../models/tokenizer.ts'
import type { GenerationDone, GenerationEvent } from './generation.ts'
import type { ActivePlacement } from './placement.ts'

/** What a session needs: the request with every default filled in, and a way to a placement that works. */
export interface SessionOptions {
  readonly promptIds: readonly number[]
  readonly maxTokens: number
  readonly stopIds: readonly number[]
  readonly stop: readonly string[]
  readonly sampling: SamplingParameters
  readonly tokenizer: ModelTokenizer
  readonly acquire: (signal?: AbortSignal) => Promise<ActivePlacement>
  /** Milliseconds, monotonic. */
  readonly now: () => number
  readonly signal?: AbortSignal
  /** A token has come; `stageMs`: how long each stage was busy with it, see {@link StageChain}. */
  readonly onToken?: (stageMs: readonly number[]) => void
  /** How often in a row a generation may be resumed without a new token. Default 16. */
  readonly resumes?: number
}

/**
 * A generation at its entry node. It owns the only state that must survive a failure: the prompt's ids, the
 * generated ids and the seed. When a stage dies, the ids so far go as one prompt to a new epoch, and the next
 * token is the one that would have come, for sampling depends on nothing else.
 */
export class Session {
  readonly #options: SessionOptions
  readonly #tokenIds: number[] = []
  readonly #detokenizer: Detokenizer
  readonly #stops: StopMatcher
  readonly #startedAt: number
  #text = ''
  #firstTokenAt: number | undefined
  #lastTokenAt: number
  #stopped = false
  #held: Extract<GenerationEvent, { type: 'token' }> | undefined

  constructor(options: SessionOptions) {
    this.#options = options
    this.#detokenizer = createDetokenizer(options.tokenizer, options.promptIds)
    this.#stops = createStopMatcher(options.stop)
    this.#startedAt = options.now()
    this.#lastTokenAt = this.#startedAt
  }

  /**
   * Runs the generation to its end. Leaving the loop early, or the signal, stops the work in every stage.
   *
   * @throws EXO_ABORTED, EXO_NO_PLACEMENT, EXO_FAILOVER_EXHAUSTED, EXO_ENGINE_BUSY, EXO_ENGINE_FAILED
   */
  async *run(): AsyncGenerator<GenerationEvent, void, undefined> {
    const { acquire, signal, resumes = 16 } = this.#options
    let shown = 0
    let failure: { readonly error: ExovisorError; readonly count: number } | undefined
    for (;;) {
      refuseAborted(signal, 'the generation')
      const placement = await acquire(signal)
      const before = this.#tokenIds.length
      if (!failure) {
        shown = placement.epoch
        yield { type: 'placement', epoch: placement.epoch, stages: placement.stages }
      }
      try {
        for await (const event of this.#stream(placement)) {
          if (failure && placement.epoch !== shown) {
            shown = placement.epoch
            const gapMs = this.#options.now() - this.#lastTokenAt
            yield { type: 'failover', epoch: placement.epoch, gapMs, reason: failure.error.message }
            yield { type: 'placement', epoch: placement.epoch, stages: placement.stages }
          }
          if (event.type === 'token') this.#lastTokenAt = this.#options.now()
          yield event
          if (event.type === 'done') return
        }
      } catch (error) {
        if (!isExovisorError(error) || !resumable(error)) throw error
        const stuck = this.#tokenIds.length === before
        failure = { error, count: stuck ? (failure?.count ?? 0) + 1 : 1 }
        if (failure.count > resumes)
          throw new ExovisorError(
            'EXO_FAILOVER_EXHAUSTED',
            `the generation was resumed ${resumes} times without a new token`,
            {
              cause: error,
            },
          )
      }
    }
  }

  async *#stream(placement: ActivePlacement): AsyncGenerator<GenerationEvent, void, undefined> {
    const { promptIds, maxTokens, sampling, signal, stopIds } = this.#options
    const left = maxTokens - this.#tokenIds.length
    if (left < 1) {
      yield* this.#finish('length')
      return
    }
    const ids = [...promptIds, ...this.#tokenIds]
    for await (const event of placement.chain.generate(
      { ids, maxTokens: left, sampling, stopIds: [...stopIds] },
      signal,
    )) {
      if (event.type === 'end') {
        yield* this.#finish(event.reason)
        return
      }
      if (!this.#isNext(event.position)) continue
      this.#options.onToken?.(event.stageMs)
      yield* this.#token(event.id)
      if (this.#stopped) {
        yield* this.#finish('stop')
        return
      }
    }
  }

  /**
   * A token is taken once, whatever the stages say: one that is here already is dropped.
   * @throws EXO_FRAME_INVALID when one is missing before it
   */
  #isNext(position: number): boolean {
    const expected = this.#options.promptIds.length + this.#tokenIds.length
    if (position > expected)
      throw new ExovisorError(
        'EXO_FRAME_INVALID',
        `a token came for position ${position}, expected ${expected}`,
      )
    return position === expected
  }

  *#token(id: number): Generator<GenerationEvent, void, undefined> {
    this.#firstTokenAt ??= this.#options.now()
    if (this.#held) yield this.#held
    const position = this.#options.promptIds.length + this.#tokenIds.length
    this.#tokenIds.push(id)
    const { text, stopped } = this.#stops.push(this.#detokenizer.push(id))
    this.#text += text
    this.#stopped = stopped
    const event = { type: 'token', position, id, text } as const
    // A token whose text is not complete yet waits for the next event: should the generation end here, the
    // rest of the text must go into this line, or the lines would not add up to the whole.
    this.#held = !stopped && (this.#detokenizer.pending || this.#stops.pending) ? event : undefined
    if (!this.#held) yield event
  }

  *#finish(finishReason: 'stop' | 'length'): Generator<GenerationEvent, void, undefined> {
    if (this.#held) {
      const last = this.#stops.push(this.#detokenizer.flush())
      const rest = last.stopped ? last.text : last.text + this.#stops.flush()
      this.#text += rest
      yield { ...this.#held, text: this.#held.text + rest }
      this.#held = undefined
    }
    yield this.#done(finishReason)
  }

  #done(finishReason: 'stop' | 'length'): GenerationDone {
    const { promptIds } = this.#options
    const first = this.#firstTokenAt ?? this.#options.now()
    const ttftMs = first - this.#startedAt
    const decodeMs = this.#lastTokenAt - first
    const decoded = this.#tokenIds.length - 1
    return {
      type: 'done',
      promptIds,
      tokenIds: [...this.#tokenIds],
      text: this.#text,
      finishReason,
      stats: {
        ttftMs,
        decodeTokensPerSecond: decoded > 0 && decodeMs > 0 ? (decoded * 1_000) / decodeMs : 0,
        prefillTokensPerSecond: ttftMs > 0 ? (promptIds.length * 1_000) / ttftMs : 0,
      },
    }
  }
}

/** True for failures after which the same ids on a new epoch give the same answer. */
function resumable(error: ExovisorError): boolean {
  return (
    error.code === 'EXO_STREAM_CLOSED' || error.code === 'EXO_EPOCH_STALE' || error.code === 'EXO_ENGINE_DIED'
  )
}
