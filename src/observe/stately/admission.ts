import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { ExovisorError } from '../../errors.ts'
import { statelyOrigins } from './page.ts'

/** Names by which a browser on this machine reaches a loopback address; another name that points there is not ours. */
const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Compares in a time that says nothing of where two tokens differ, nor of their lengths. */
export const isSame = (given: string, expected: string): boolean =>
  timingSafeEqual(digest(given), digest(expected))

const quoted = (text: string | undefined): string =>
  text === undefined ? 'missing' : JSON.stringify(text.slice(0, 100))

/** @throws EXO_UNAUTHORIZED when the Host header names another host or port: a page may point a name of its own at 127.0.0.1 */
export function refuseForeignHost({ host }: IncomingHttpHeaders, port: number): void {
  const url = `http://${host}`
  const name = host !== undefined && URL.canParse(url) ? new URL(url) : undefined
  const isOurs = name !== undefined && loopbackNames.has(name.hostname) && Number(name.port || 80) === port
  if (!isOurs)
    throw new ExovisorError(
      'EXO_UNAUTHORIZED',
      `the Host header is ${quoted(host)}; expected localhost or 127.0.0.1 with port ${port}`,
    )
}

/**
 * Programs send no Origin. Of pages, those of this machine may listen, as that of `createInspectorServer`, and those of Stately.
 * @throws EXO_UNAUTHORIZED
 */
export function refuseForeignOrigin({ origin }: IncomingHttpHeaders): void {
  if (origin === undefined || statelyOrigins.includes(origin)) return
  const url = URL.canParse(origin) ? new URL(origin) : undefined
  if (url && (url.protocol === 'http:' || url.protocol === 'https:') && loopbackNames.has(url.hostname))
    return
  throw new ExovisorError(
    'EXO_UNAUTHORIZED',
    `the Origin header is ${quoted(origin)}; pages of other sites may not listen`,
  )
}

/** @throws EXO_UNAUTHORIZED when the path is not `/` and the token */
export function refuseWrongToken(path: string | undefined, token: string): void {
  const given = (path ?? '').replace(/^\//, '').replace(/\?.*$/, '')
  if (!isSame(given, token))
    throw new ExovisorError(
      'EXO_UNAUTHORIZED',
      'the path is not the token of this start; take the address that the node printed',
    )
}
