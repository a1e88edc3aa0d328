import type { FastifyInstance } from 'fastify'
import { ExovisorError } from '../errors.ts'
import { faultForError } from './error-answers.ts'
import { fault, sendFault } from './fault.ts'

interface KnownRoute {
  readonly url: string
  readonly methods: readonly string[]
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/')
  const given = path.split('/')
  const rest = wanted.indexOf('*')
  if (rest === -1 ? wanted.length !== given.length : given.length < wanted.length) return false
  return wanted
    .slice(0, rest === -1 ? undefined : rest)
    .every((part, i) => part.startsWith(':') || part === given[i])
}

/** Answers paths and methods that no route has: 405 with the methods there are, or 404. Must come before the routes. */
export function addUnmatchedHandler(app: FastifyInstance): void {
  const routes: KnownRoute[] = []
  app.addHook('onRoute', ({ url, method }) => {
    routes.push({ url, methods: typeof method === 'string' ? [method] : method })
  })
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? ''
    const shown = JSON.stringify(path.slice(0, 100))
    const allowed = new Set(routes.filter(route => matches(route.url, path)).flatMap(route => route.methods))
    if (allowed.size === 0) {
      const missing = new ExovisorError('EXO_NOT_FOUND', `there is no path ${shown}; GET / lists the paths`)
      return sendFault(reply, faultForError(missing))
    }
    const allow = [...allowed].sort().join(', ')
    const message = `${shown} does not take ${request.method}; expected ${allow}`
    return sendFault(reply, fault(405, 'method_not_allowed', message, { headers: { allow } }))
  })
}
