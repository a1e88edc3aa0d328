import { ExovisorError } from '../errors.ts'
import type { ApiOptions } from './api-options.ts'
import { createApi } from './create-api.ts'
import { drainRequests } from './drain.ts'
import { isLoopback } from './loopback.ts'
import { runningRequests } from './running-requests.ts'

/** The port that the API listens on when nothing else is said. */
export const defaultApiPort = 52_415

/** {@link ApiOptions}, and where to listen. */
export interface ApiListenOptions extends ApiOptions {
  /** 0 takes a free port. Default {@link defaultApiPort}. */
  readonly port?: number
  /** Who asks for the port: shown when it is taken. Default "the HTTP API". */
  readonly name?: string
}

/** An HTTP API that listens. */
export interface RunningApi {
  /** Such as `http://127.0.0.1:52415`. */
  readonly url: string
  readonly port: number
  /** Whether connections are accepted. */
  readonly listening: boolean
  /**
   * Refuses new requests from now on, and settles when none runs; connections stay open. When `signal` aborts, what still runs is cut
   * off with an error that says so.
   */
  drain(signal: AbortSignal): Promise<void>
  /**
   * Accepts nothing more, lets running answers finish within `limits.drainMs` or until `signal` aborts,
   * cuts the rest off, and settles when no connection is left.
   */
  close(options?: { readonly signal?: AbortSignal }): Promise<void>
}

function refusePublicBind(name: string, host: string, keys: readonly string[]): void {
  if (isLoopback(host) || keys.length > 0) return
  throw new ExovisorError(
    'EXO_PUBLIC_BIND_REFUSED',
    `${name} is to listen on ${JSON.stringify(host)}, which other machines can reach, without a key; set api.keys, or listen on 127.0.0.1`,
    { details: { host } },
  )
}

function listenFailure(error: unknown, name: string, host: string, port: number): ExovisorError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const place = `${name} cannot listen on ${host}:${port}`
  const options = { cause: error, details: { host, port } }
  if (code === 'EADDRINUSE') {
    return new ExovisorError('EXO_PORT_IN_USE', `${place}: another program listens on port ${port}`, options)
  }
  const reason = error instanceof Error ? error.message : String(error)
  return new ExovisorError('EXO_RESOURCE_FAILED', `${place}: ${reason}`, options)
}

/**
 * Starts the HTTP API.
 * @throws EXO_PUBLIC_BIND_REFUSED for an address beyond loopback without keys, EXO_PORT_IN_USE,
 *   EXO_RESOURCE_FAILED when the address cannot be listened on for another reason
 */
export async function startApi(options: ApiListenOptions): Promise<RunningApi> {
  const { host = '127.0.0.1', port = defaultApiPort, name = 'the HTTP API', keys = [] } = options
  refusePublicBind(name, host, keys)
  const cutShort = new AbortController()
  const requests = runningRequests()
  const app = createApi({ ...options, host }, cutShort.signal, requests)
  // For localhost Fastify would open a second server, for ::1, that closing does not reach.
  const address = host.toLowerCase() === 'localhost' ? '127.0.0.1' : host
  try {
    await app.listen({ host: address, port })
  } catch (error) {
    await app.close()
    throw listenFailure(error, name, host, port)
  }
  const bound = app.server.address()
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`,
    port: boundPort,
    get listening() {
      return app.server.listening
    },
    drain: signal => drainRequests(requests, signal),
    async close({ signal } = {}) {
      const cut = () => cutShort.abort()
      signal?.addEventListener('abort', cut, { once: true })
      if (signal?.aborted) cut()
      try {
        await app.close()
      } finally {
        signal?.removeEventListener('abort', cut)
      }
    },
  }
}
