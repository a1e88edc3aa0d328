import type { FastifyRequest } from 'fastify'
import { type Fault, fault } from './fault.ts'
import { isLoopback } from './loopback.ts'

const authority = /^[\w.:[\]-]{1,256}$/

function hostName(host: string): string | undefined {
  if (!authority.test(host)) return undefined
  const url = `http://${host}`
  return URL.canParse(url) ? new URL(url).hostname : undefined
}

const quoted = (text: string | undefined) =>
  text === undefined ? 'missing' : JSON.stringify(text.slice(0, 100))

/**
 * Keeps the pages of other sites away from an API that needs no key because it listens on loopback.
 * A page can reach it by a name of its own that it points at 127.0.0.1 (DNS rebinding): then the Host header
 * carries that name. And it can send a plain cross-origin POST: then the Origin header carries its site.
 */
export function refuseForeignPage({
  method,
  headers,
}: Pick<FastifyRequest, 'method' | 'headers'>): Fault | undefined {
  const name = headers.host === undefined ? undefined : hostName(headers.host)
  if (name === undefined || !isLoopback(name)) {
    const message = `the Host header is ${quoted(headers.host)}; expected localhost, 127.0.0.1 or [::1], as this API listens on loopback without keys`
    return fault(403, 'host_not_allowed', message)
  }
  const { origin } = headers
  if (origin === undefined || method === 'GET' || method === 'HEAD') return undefined
  if (URL.canParse(origin) && isLoopback(new URL(origin).hostname)) return undefined
  const message = `the Origin header is ${quoted(origin)}; an API without keys takes no calls from pages of other sites`
  return fault(403, 'origin_not_allowed', message)
}
