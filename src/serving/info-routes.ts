import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ApiSettings } from './api-options.ts'
import { landingText } from './landing.ts'
import type { RunningRequests } from './running-requests.ts'
import { modelObject, servedModel } from './served-models.ts'

const open = { config: { public: true, whileDraining: true, probe: true } }

function addProbes(app: FastifyInstance, { backend }: ApiSettings, requests: RunningRequests): void {
  app.get('/livez', open, () => ({ status: 'alive' }))
  app.get('/readyz', open, (_request, reply) => {
    const { ready, reasons } = backend.readiness()
    if (ready && !requests.draining) return { status: 'ready' }
    const all = [...(requests.draining ? ['the API is shutting down'] : []), ...reasons]
    return reply.code(503).header('retry-after', '2').send({ status: 'not ready', reasons: all })
  })
}

// The address that the caller reached, not the Host header: that may say anything.
function reachedUrl({ host }: ApiSettings, { socket }: FastifyRequest): string {
  const shown = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return `http://${shown}${socket.localPort === undefined ? '' : `:${socket.localPort}`}`
}

/** The routes that only tell: the models, the state of the server, its numbers, and what it is. */
export function addInfoRoutes(app: FastifyInstance, api: ApiSettings, requests: RunningRequests): void {
  const { backend, metrics } = api
  app.get('/v1/models', () => ({ object: 'list', data: backend.models().map(modelObject) }))
  // A wildcard, as names of models may contain slashes.
  app.get<{ Params: { '*': string } }>('/v1/models/*', ({ params }) =>
    modelObject(servedModel(backend, params['*'])),
  )
  addProbes(app, api, requests)
  if (metrics !== undefined) {
    app.get('/metrics', { config: { whileDraining: true, probe: true } }, async (_request, reply) =>
      reply.type(metrics.contentType).send(await metrics.render()),
    )
  }
  if (app.hasRoute({ method: 'GET', url: '/' })) return
  app.get('/', { config: { public: true } }, (request, reply) => {
    const model = backend.models()[0]
    const text = landingText({
      url: reachedUrl(api, request),
      needsKey: api.keys.length > 0,
      hasMetrics: metrics !== undefined,
      model: model?.id ?? 'MODEL',
      chat: model?.chat ?? true,
    })
    return reply.type('text/plain; charset=utf-8').send(text)
  })
}
