import type { IncomingHttpHeaders } from 'node:http'
import { ExovisorError, isExovisorError } from '../errors.ts'
import { isSame, refuseForeignHost } from '../observe/stately/admission.ts'

/** The subprotocol of the stream; a viewer names it beside its token. */
export const STREAM_PROTOCOL = 'exovisor.v1'
const TOKEN_PROTOCOL = 'token.'

/** What a request was refused with. */
export interface Refusal {
  readonly status: 401 | 403
  readonly error: ExovisorError
}

/** Pages of this very address may call, and programs, which send no Origin. */
function refuseForeignOrigin({ origin, host }: IncomingHttpHeaders): void {
  if (origin === undefined || origin === `http://${host}`) return
  throw new ExovisorError(
    'EXO_UNAUTHORIZED',
    `the Origin header is ${JSON.stringify(origin.slice(0, 100))}; only the page of this console may call it`,
  )
}

/** Keeps pages of other sites away, also those that point a name of their own at 127.0.0.1. */
export function foreign(headers: IncomingHttpHeaders, port: number): Refusal | undefined {
  try {
    refuseForeignHost(headers, port)
    refuseForeignOrigin(headers)
    return undefined
  } catch (error) {
    if (isExovisorError(error)) return { status: 403, error }
    throw error
  }
}

const wrongToken = (where: string): Refusal => ({
  status: 401,
  error: new ExovisorError(
    'EXO_UNAUTHORIZED',
    `${where} has no token, or not that of this start of the node; take the address from exovisor console`,
  ),
})

/** The token of a request: `Authorization: Bearer TOKEN`. */
export function refuseBearer({ authorization }: IncomingHttpHeaders, token: string): Refusal | undefined {
  const [, given] = /^Bearer (.+)$/i.exec(authorization ?? '') ?? []
  return given !== undefined && isSame(given, token) ? undefined : wrongToken('the Authorization header')
}

/** The token of a stream: a browser cannot give it in a header of its own, and in the address it would end up in logs. */
export function refuseSubprotocol(headers: IncomingHttpHeaders, token: string): Refusal | undefined {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map(name => name.trim())
  const given = offered.find(name => name.startsWith(TOKEN_PROTOCOL))?.slice(TOKEN_PROTOCOL.length)
  const isKnown = given !== undefined && isSame(given, token) && offered.includes(STREAM_PROTOCOL)
  return isKnown ? undefined : wrongToken('Sec-WebSocket-Protocol')
}
