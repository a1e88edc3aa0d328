import { type Context, ProxyTracerProvider, ROOT_CONTEXT, type Tracer } from '@opentelemetry/api'

/** Where the spans of one node begin. Parents are passed along by hand: nothing is looked up in the asynchronous context. */
export interface Tracing {
  readonly tracer: Tracer
  /** The trace that a request belongs to by its headers `traceparent` and `tracestate` (W3C Trace Context); the root when it has none. */
  contextOf(headers: Readonly<Record<string, unknown>>): Context
  /** Sends what has not been sent, for as long as was agreed. Never rejects. */
  close(): Promise<void>
}

/** Makes no spans, and costs next to nothing. */
export const noTracing: Tracing = {
  tracer: new ProxyTracerProvider().getTracer('exovisor'),
  contextOf: () => ROOT_CONTEXT,
  close: () => Promise.resolve(),
}
