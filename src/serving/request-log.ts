import type { FastifyRequest } from 'fastify'
import { toErrorRecord } from '../errors.ts'
import type { ApiSettings } from './api-options.ts'
import type { Fault } from './fault.ts'
import { faultForThrown } from './framework-faults.ts'

/** The pattern of a request's route: a bounded set, unlike its path. */
export const routeOf = (request: FastifyRequest): string => request.routeOptions.url ?? 'unmatched'

/** The answer to what a handler has thrown. A fault of our own is logged, as its answer hides the details. */
export function explainFailure(api: ApiSettings, request: FastifyRequest, error: unknown): Fault {
  const it = faultForThrown(error, api.limits.bodyBytes)
  if (it.status >= 500) request.span.failed(error)
  if (it.status === 500) {
    const fields = { request: request.id, route: routeOf(request), error: toErrorRecord(error) }
    api.log.error(fields, 'a request to the API failed')
  }
  return it
}
