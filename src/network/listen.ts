import { createServer } from 'node:net'
import { type Server, ServerCredentials } from '@grpc/grpc-js'
import { ExovisorError } from '../errors.ts'
import { formatEndpoint, isLoopback } from './endpoint.ts'

/** Where a server shall listen, and in whose name. */
export interface ListenOptions {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  /** Secret that callers must show; needed beyond loopback. */
  readonly key?: string
  /** Who asks, for messages. */
  readonly name: string
}

/**
 * Refuses a server that strangers could reach without a secret.
 *
 * @throws EXO_PUBLIC_BIND_REFUSED naming the address and the server
 */
function refusePublicBind({ host, port, key, name }: ListenOptions): void {
  if (key !== undefined || isLoopback(host)) return
  throw new ExovisorError(
    'EXO_PUBLIC_BIND_REFUSED',
    `server ${name}: listening on ${formatEndpoint({ host, port })} without a key is refused, expected a loopback address or grpc.key`,
    { details: { name, host, port } },
  )
}

/**
 * Binds a gRPC server and answers the port it got.
 *
 * @throws EXO_PUBLIC_BIND_REFUSED; EXO_PORT_IN_USE naming the port and the server; EXO_CONFIG_INVALID when the
 *   address is not of this machine or may not be used
 */
export async function bindServer(server: Server, options: ListenOptions): Promise<number> {
  refusePublicBind(options)
  await tryPort(options)
  try {
    return await new Promise<number>((resolve, reject) => {
      server.bindAsync(formatEndpoint(options), ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      )
    })
  } catch (error) {
    throw bindFailed(error, options)
  }
}

// grpc-js reports an address that cannot be used as text inside a text, and prints it; a plain socket does not.
function tryPort(options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', error => reject(bindFailed(error, options)))
    probe.listen({ host: options.host, port: options.port, exclusive: true }, () =>
      probe.close(() => resolve()),
    )
  })
}

function bindFailed(cause: unknown, { name, host, port }: ListenOptions): ExovisorError {
  const text = cause instanceof Error ? cause.message : String(cause)
  const where = formatEndpoint({ host, port })
  const options = { cause, details: { name, host, port } }
  if (text.includes('EADDRINUSE'))
    return new ExovisorError(
      'EXO_PORT_IN_USE',
      `server ${name}: port ${port} on ${host} is in use, expected a free port`,
      options,
    )
  return new ExovisorError(
    'EXO_CONFIG_INVALID',
    `server ${name}: cannot listen on ${where}: ${text}`,
    options,
  )
}
