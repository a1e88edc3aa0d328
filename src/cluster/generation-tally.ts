import type { GenerationFacts, GenerationMetrics } from '../observe/metrics.ts'
import type { GenerationEvent } from './generation.ts'

/** What is counted of one generation while it runs, and told once when it is over. */
export class GenerationTally {
  readonly #model: string
  readonly #metrics: GenerationMetrics | undefined
  readonly #now: () => number
  readonly #startedAt: number
  #promptTokens = 0
  #completionTokens = 0
  #failovers = 0
  #ttftMs: number | undefined
  #reason: 'stop' | 'length' | undefined

  /** @param now milliseconds, monotonic */
  constructor(model: string, metrics: GenerationMetrics | undefined, now: () => number) {
    this.#model = model
    this.#metrics = metrics
    this.#now = now
    this.#startedAt = now()
  }

  note(event: GenerationEvent): void {
    if (event.type === 'failover') this.#failovers += 1
    if (event.type === 'token') this.#token()
    if (event.type === 'done') {
      this.#promptTokens = event.promptIds.length
      this.#completionTokens = event.tokenIds.length
      this.#reason = event.finishReason
    }
  }

  /** It is over; `aborted` says how one ended that has no `done`. */
  finish(aborted: boolean): GenerationFacts {
    const facts: GenerationFacts = {
      model: this.#model,
      outcome: this.#reason ?? (aborted ? 'aborted' : 'failed'),
      promptTokens: this.#promptTokens,
      completionTokens: this.#completionTokens,
      ttftMs: this.#ttftMs,
      durationMs: this.#now() - this.#startedAt,
      failovers: this.#failovers,
    }
    this.#metrics?.generationFinished(facts)
    return facts
  }

  #token(): void {
    this.#completionTokens += 1
    this.#metrics?.token()
    if (this.#ttftMs !== undefined) return
    this.#ttftMs = this.#now() - this.#startedAt
    this.#metrics?.firstToken(this.#ttftMs)
  }
}
