import { type FastifyInstance, fastify } from 'fastify'
import { answerRoute } from './answer-route.ts'
import { type ApiOptions, type ApiSettings, apiSettings } from './api-options.ts'
import { chatDialect } from './chat-dialect.ts'
import { completionDialect } from './completion-dialect.ts'
import { addDrain } from './drain.ts'
import { sendFault } from './fault.ts'
import { faultForThrown, refuseSocket } from './framework-faults.ts'
import { addInfoRoutes } from './info-routes.ts'
import { addRequestHooks } from './request-hooks.ts'
import { explainFailure } from './request-log.ts'
import { type RunningRequests, runningRequests } from './running-requests.ts'
import { addUnmatchedHandler } from './unmatched.ts'

const acceptableId = /^[\w.:-]{1,128}$/

function serverFor({ limits, newId }: ApiSettings): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    http: {
      headersTimeout: limits.headersTimeoutMs,
      // Node looks for late headers at this interval only.
      connectionsCheckingInterval: Math.min(5_000, Math.ceil(limits.headersTimeoutMs / 2)),
    },
    // While closing, our own hook refuses: in the API's shape, and not the probes.
    return503OnClosing: false,
    clientErrorHandler: refuseSocket,
    frameworkErrors: (error, request, reply) =>
      void sendFault(reply.header('x-request-id', request.id), faultForThrown(error, limits.bodyBytes)),
    genReqId: ({ headers }) => {
      const given = headers['x-request-id']
      return typeof given === 'string' && acceptableId.test(given) ? given : newId()
    },
  })
  app.server.maxConnections = limits.connections
  return app
}

/**
 * Makes the HTTP API, not yet listening: see `startApi`, or ask it with `inject`.
 * `cutShort`, when it aborts, ends the time that `close` leaves to running answers.
 */
export function createApi(
  options: ApiOptions,
  cutShort?: AbortSignal,
  requests: RunningRequests = runningRequests(),
): FastifyInstance {
  const api = apiSettings(options)
  const app = serverFor(api)

  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    app.getDefaultJsonParser('error', 'error'),
  )
  app.setErrorHandler((error, request, reply) => sendFault(reply, explainFailure(api, request, error)))
  addUnmatchedHandler(app)
  addRequestHooks(app, api, requests)
  addDrain(app, {
    requests,
    clock: api.clock,
    drainMs: api.limits.drainMs,
    signal: cutShort ?? new AbortController().signal,
  })
  options.routes?.(app)
  for (const dialect of [chatDialect, completionDialect]) app.post(dialect.path, answerRoute(api, dialect))
  addInfoRoutes(app, api, requests)
  return app
}
