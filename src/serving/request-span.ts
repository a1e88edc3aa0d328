import { type Context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { FastifyRequest } from 'fastify'
import { ERROR_TYPE, REQUEST_ID } from '../observe/tracing/attributes.ts'
import { failSpan } from '../observe/tracing/spans.ts'
import { noTracing, type Tracing } from '../observe/tracing/tracing.ts'
import { routeOf } from './request-log.ts'

/** The span of one request to the API. */
export interface RequestSpan {
  /** What is done for the request belongs below it. */
  readonly context: Context
  /** Says why the answer is a fault of ours. */
  failed(error: unknown): void
  end(status: number): void
}

/** Begins a span by OpenTelemetry's conventions for HTTP servers, below the one that the caller names in `traceparent`. */
export function beginRequestSpan(
  tracing: Pick<Tracing, 'tracer' | 'contextOf'>,
  request: FastifyRequest,
): RequestSpan {
  const { tracer, contextOf } = request.routeOptions.config.probe === true ? noTracing : tracing
  const parent = contextOf(request.headers)
  const route = routeOf(request)
  const attributes = {
    [REQUEST_ID]: request.id,
    'http.request.method': request.method,
    'http.route': route,
    'url.scheme': 'http',
    'network.peer.address': request.socket.remoteAddress,
  }
  const span = tracer.startSpan(`${request.method} ${route}`, { kind: SpanKind.SERVER, attributes }, parent)
  let isExplained = false
  return {
    context: trace.setSpan(parent, span),
    failed(error) {
      failSpan(span, error)
      isExplained = true
    },
    end(status) {
      span.setAttribute('http.response.status_code', status)
      if (status >= 500 && !isExplained)
        span.setAttribute(ERROR_TYPE, String(status)).setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    },
  }
}
