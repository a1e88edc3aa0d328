import type { GenerationFacts, Metrics, RequestFacts } from '../observe/metrics.ts'

/** One HTTP request that is over; its status is 499 when the client went away before the answer was complete. */
export type FinishedRequest = RequestFacts

/** One generation that is over; `aborted` is a client that left or a server that shut down. */
export type FinishedGeneration = GenerationFacts

/** What the API tells about its work, and what `GET /metrics` shows. Hooks must not throw. */
export type ServingMetrics = Pick<
  Metrics,
  'contentType' | 'render' | 'requestStarted' | 'requestFinished' | 'generationFinished'
>
