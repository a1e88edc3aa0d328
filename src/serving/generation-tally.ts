import type { GenerationEvent } from '../cluster/generation.ts'
import type { Clock } from '../concurrency/clock.ts'
import type { FinishedGeneration } from './serving-metrics.ts'

interface GenerationTally {
  /** Passes the events on and counts them. */
  count(events: AsyncIterable<GenerationEvent>): AsyncGenerator<GenerationEvent, void>
  /** What has been counted; `aborted` says how a generation ended that has no `done`. */
  finished(model: string, aborted: boolean): FinishedGeneration
}

/** Counts one generation for the metrics. `startedAt` is the arrival of the request on the clock. */
export function generationTally(clock: Clock, startedAt: number): GenerationTally {
  let promptTokens = 0
  let completionTokens = 0
  let failovers = 0
  let ttftMs: number | undefined
  let reason: 'stop' | 'length' | undefined

  function note(event: GenerationEvent): void {
    switch (event.type) {
      case 'token':
        ttftMs ??= clock.now() - startedAt
        completionTokens += 1
        break
      case 'failover':
        failovers += 1
        break
      case 'done':
        promptTokens = event.promptIds.length
        completionTokens = event.tokenIds.length
        reason = event.finishReason
        break
      case 'placement':
        break
    }
  }

  return {
    async *count(events) {
      for await (const event of events) {
        note(event)
        yield event
      }
    },
    finished: (model, aborted) => ({
      model,
      outcome: reason ?? (aborted ? 'aborted' : 'failed'),
      promptTokens,
      completionTokens,
      ttftMs,
      durationMs: clock.now() - startedAt,
      failovers,
    }),
  }
}
