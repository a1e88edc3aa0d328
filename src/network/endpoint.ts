import { isIP, isIPv4, isIPv6 } from 'node:net'
import { ExovisorError } from '../errors.ts'

/** Where something listens. */
export interface Endpoint {
  /** A host name, an IPv4 address, or an IPv6 address without brackets, with its zone if it has one. */
  readonly host: string
  readonly port: number
}

const MAX_ENDPOINT = 300
const MAX_HOST = 253
const hostName = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*\.?$/

/**
 * Reads `host:port`; an IPv6 address stands in brackets.
 *
 * @throws EXO_REQUEST_INVALID naming the text and what is wrong with it
 */
export function parseEndpoint(text: string): Endpoint {
  if (text.length > MAX_ENDPOINT) throw invalid(`${text.slice(0, 40)}…`, `at most ${MAX_ENDPOINT} characters`)
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text)
  if (!match) throw invalid(text, 'host:port, or [address]:port for IPv6')
  const [, bracketed, plain, digits] = match
  const host = bracketed ?? plain ?? ''
  const port = Number(digits)
  if (port < 1 || port > 65_535) throw invalid(text, 'a port from 1 to 65535')
  if (bracketed !== undefined ? !isIPv6(bracketed) : !isHost(host))
    throw invalid(text, `a host name or address of at most ${MAX_HOST} characters`)
  return { host, port }
}

/** The opposite of {@link parseEndpoint}. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}

/** True for addresses and names that only this machine can reach. */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith('127.')
  if (isIPv6(host)) return host === '::1' || host.toLowerCase().startsWith('::ffff:127.')
  return host.toLowerCase() === 'localhost'
}

/** True for the addresses that mean every interface, which nobody can dial. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function isHost(host: string): boolean {
  // What looks like an address must be one: 1.2.3 and 300.1.1.1 are typing mistakes, not names.
  return isIPv4(host) || (isIP(host) === 0 && !/^[\d.]+$/.test(host) && hostName.test(host))
}

function invalid(text: string, expected: string): ExovisorError {
  return new ExovisorError('EXO_REQUEST_INVALID', `endpoint ${JSON.stringify(text)}: expected ${expected}`, {
    details: { endpoint: text, expected },
  })
}
