import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ExovisorError } from '../errors.ts'
import { keyCheck } from './api-keys.ts'
import type { ApiSettings } from './api-options.ts'
import { refuseForeignPage } from './browser-guard.ts'
import { faultForError } from './error-answers.ts'
import { sendFault } from './fault.ts'
import { isLoopback } from './loopback.ts'
import { routeOf } from './request-log.ts'
import { beginRequestSpan, type RequestSpan } from './request-span.ts'
import type { RunningRequest, RunningRequests } from './running-requests.ts'

declare module 'fastify' {
  interface FastifyRequest {
    running: RunningRequest
    span: RequestSpan
  }
  interface FastifyContextConfig {
    /** Whether the route asks for no key. */
    public?: boolean
    /** Whether the route still answers while the server closes. */
    whileDraining?: boolean
    /** Whether the route's answers have no end of their own: closing aborts their signal at once. */
    endless?: boolean
    /** Whether programs ask it again and again, so that spans of it would tell nothing. */
    probe?: boolean
  }
}

/** The status that stands for a client that went away before its answer was complete. */
const clientGone = 499

const shutDown = () =>
  new ExovisorError('EXO_RESOURCE_CLOSED', 'the API is shutting down; ask another node, or later')

/** Watches each request from its arrival to its end, however it ends. */
function track(api: ApiSettings, requests: RunningRequests) {
  return (request: FastifyRequest, reply: FastifyReply, next: () => void): void => {
    const { clock, metrics, log, onActivity } = api
    const running = requests.add(clock.now(), request.routeOptions.config.endless === true)
    request.running = running
    const span = beginRequestSpan(api.tracing, request)
    request.span = span
    void reply.header('x-request-id', request.id)
    metrics?.requestStarted()
    onActivity({ type: 'request.started' })
    // The response closes in every case; the request's own close event is over once its body has been read.
    reply.raw.once('close', () => {
      const complete = reply.raw.writableFinished
      if (!complete) running.abort(new ExovisorError('EXO_ABORTED', 'the client closed the connection'))
      running.finish()
      const status = complete ? reply.raw.statusCode : clientGone
      const finished = { method: request.method, route: routeOf(request), status }
      const durationMs = clock.now() - running.startedAt
      onActivity({ type: 'request.ended' })
      metrics?.requestFinished({ ...finished, durationMs })
      span.end(status)
      log.debug({ request: request.id, ...finished, durationMs }, 'request')
    })
    next()
  }
}

/** Registers what every request passes before its handler: tracking, guards, and the refusal while closing. */
export function addRequestHooks(app: FastifyInstance, api: ApiSettings, requests: RunningRequests): void {
  const missingKey = api.keys.length > 0 ? keyCheck(api.keys) : undefined
  const guardsPages = missingKey === undefined && isLoopback(api.host)

  app.addHook('onRequest', track(api, requests))
  app.addHook('onRequest', (request, reply, next) => {
    const { config } = request.routeOptions
    const refusal =
      (guardsPages ? refuseForeignPage(request) : undefined) ??
      (config.public === true ? undefined : missingKey?.(request.headers.authorization)) ??
      (requests.draining && config.whileDraining !== true ? faultForError(shutDown()) : undefined)
    if (refusal === undefined) next()
    else void sendFault(reply, refusal)
  })
}
