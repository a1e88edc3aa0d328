import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, type Tracer } from '@opentelemetry/api'
import { pathOf } from '../../resources/registry-path.ts'
import type { SupervisionEvent } from '../../supervision/events/types.ts'
import { ERROR_TYPE, RESOURCE_INCARNATION, RESOURCE_KIND, RESOURCE_PATH } from './attributes.ts'

/** So many restarts are followed at a time; the others have no span. */
const MOST_AT_A_TIME = 1_000

const beginnings: ReadonlySet<SupervisionEvent['type']> = new Set<SupervisionEvent['type']>([
  'failed',
  'start_error',
  'backoff_scheduled',
])
const successes: ReadonlySet<SupervisionEvent['type']> = new Set<SupervisionEvent['type']>([
  'restarted',
  'resumed',
])
/** After these no successor comes soon, or none at all. */
const failures: ReadonlySet<SupervisionEvent['type']> = new Set<SupervisionEvent['type']>([
  'gave_up',
  'escalated',
  'circuit_opened',
  'stopped',
  'ignored',
])

/** One span for each restart: from the failure to the successor that is READY, with all that its supervisor did as events of the span. */
export class RestartSpans {
  readonly #tracer: Tracer
  readonly #open = new Map<string, Span>()

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  /** To be told of each event of all supervisors. */
  take(event: SupervisionEvent): void {
    const path = pathOf(event.supervisor, event.name)
    const span = this.#open.get(path) ?? this.#begin(path, event)
    if (!span) return
    span.addEvent(event.type, attributesOf(event))
    const isFailure = failures.has(event.type)
    if (!isFailure && !successes.has(event.type)) return
    if (isFailure) span.setStatus({ code: SpanStatusCode.ERROR, message: event.type.replaceAll('_', ' ') })
    span.end()
    this.#open.delete(path)
  }

  /** Ends the spans of restarts that are not over. */
  close(): void {
    for (const span of this.#open.values()) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: 'the node has ended' })
      span.end()
    }
    this.#open.clear()
  }

  #begin(path: string, event: SupervisionEvent): Span | undefined {
    const { type, kind, incarnation, error } = event
    if (!beginnings.has(type) || this.#open.size >= MOST_AT_A_TIME) return undefined
    const attributes = {
      [RESOURCE_PATH]: path,
      [RESOURCE_KIND]: kind,
      [RESOURCE_INCARNATION]: incarnation,
      ...(error && { [ERROR_TYPE]: error.code }),
    }
    const span = this.#tracer.startSpan(`restart ${kind}`, { root: true, attributes }, ROOT_CONTEXT)
    this.#open.set(path, span)
    return span
  }
}

function attributesOf({
  incarnation,
  attempt,
  delay,
  directive,
  reason,
  error,
}: SupervisionEvent): Attributes {
  return {
    [RESOURCE_INCARNATION]: incarnation,
    'exovisor.restart.attempt': attempt,
    ...(delay !== undefined && { 'exovisor.restart.delay_ms': delay }),
    ...(directive !== undefined && { 'exovisor.restart.directive': directive }),
    ...(reason !== undefined && { 'exovisor.reason': reason }),
    ...(error && { [ERROR_TYPE]: error.code, 'exovisor.error.message': error.message }),
  }
}
