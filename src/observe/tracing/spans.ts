import {
  type Context,
  type Span,
  type SpanOptions,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { isExovisorError } from '../../errors.ts'
import { ERROR_TYPE } from './attributes.ts'

/** Marks a span as failed, by the code of the error. The message is one that people read in the log as well. */
export function failSpan(span: Span, error: unknown): void {
  span.setAttribute(ERROR_TYPE, codeOf(error))
  const message = error instanceof Error ? error.message : String(error)
  span.setStatus({ code: SpanStatusCode.ERROR, message })
}

/** Runs work within a span that ends with it; what it throws marks the span and is thrown on. */
export async function inSpan<T>(
  tracer: Tracer,
  name: string,
  { parent, ...options }: SpanOptions & { readonly parent: Context },
  work: (context: Context, span: Span) => Promise<T>,
): Promise<T> {
  const span = tracer.startSpan(name, options, parent)
  try {
    return await work(trace.setSpan(parent, span), span)
  } catch (error) {
    failSpan(span, error)
    throw error
  } finally {
    span.end()
  }
}

/** The code of an error, or else of its cause: what wraps an error may have none of its own. */
function codeOf(error: unknown): string {
  if (isExovisorError(error)) return error.code
  const cause = error instanceof Error ? error.cause : undefined
  return isExovisorError(cause) ? cause.code : 'EXO_INTERNAL'
}
