/** One HTTP request that is over. */
export interface FinishedRequest {
  readonly method: string
  /** The route's pattern, or `unmatched`: never the path, so that the set of values stays bounded. */
  readonly route: string
  /** The HTTP status; 499 when the client went away before the answer was complete. */
  readonly status: number
  readonly durationMs: number
}

/** One generation that is over. */
export interface FinishedGeneration {
  readonly model: string
  /** `stop` and `length` are the model's own ends; `aborted` is a client that left or a server that shut down. */
  readonly outcome: 'stop' | 'length' | 'aborted' | 'failed'
  readonly promptTokens: number
  readonly completionTokens: number
  /** From the arrival of the request to its first token; undefined when there was none. */
  readonly ttftMs: number | undefined
  readonly durationMs: number
  /** How often the generation was resumed on another placement. */
  readonly failovers: number
}

/** What the API tells about its work, and what `GET /metrics` shows. Hooks must not throw. */
export interface ServingMetrics {
  /** Media type of {@link ServingMetrics.render}. */
  readonly contentType: string
  render(): Promise<string>
  /** A request has arrived; {@link ServingMetrics.requestFinished} follows exactly once. */
  requestStarted(): void
  requestFinished(request: FinishedRequest): void
  generationFinished(generation: FinishedGeneration): void
}
