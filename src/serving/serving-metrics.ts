import type { Metrics, RequestFacts } from '../observe/metrics.ts'

/** One HTTP request that is over; its status is 499 when the client went away before the answer was complete. */
export type FinishedRequest = RequestFacts

/** What the API tells about its work, and what `GET /metrics` shows. Hooks must not throw. */
export type ServingMetrics = Pick<Metrics, 'contentType' | 'render' | 'requestStarted' | 'requestFinished'>
