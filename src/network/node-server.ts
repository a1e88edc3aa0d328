import { server as serverMachine } from '../../machines/server.ts'
import { CancelScope } from '../concurrency/scope.ts'
import { ExovisorError } from '../errors.ts'
import { defineResource } from '../resources/define.ts'
import type { ResourceDefinition } from '../resources/types.ts'
import { formatEndpoint, isWildcard } from './endpoint.ts'
import { NodeConnection } from './node-connection.ts'
import { type NodeHandlers, startNodeService } from './node-service.ts'

export { type NodeDescription, PROTOCOL_VERSION } from './node-messages.ts'
export type { NodeHandlers } from './node-service.ts'

/** How to serve other nodes. */
export interface NodeServerInput {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  /** Secret that callers must show; needed beyond loopback. */
  readonly key?: string
  readonly handlers: NodeHandlers
}

/** A node server that listens. */
export interface NodeServer {
  /** `host:port` */
  readonly endpoint: string
  readonly host: string
  readonly port: number
}

interface OwnNodeServer extends NodeServer {
  close(signal: AbortSignal): Promise<void>
  /** A call to itself, as a peer would make it. */
  check(signal: AbortSignal): Promise<void>
}

/** How long calls under way may take to end when the server is closed. */
const DRAIN_MS = 2_000

/** The gRPC service of a node. Its health check is a real call over its own port. */
export const nodeServer: ResourceDefinition<NodeServerInput, NodeServer> = defineResource<
  NodeServerInput,
  OwnNodeServer
>({
  kind: 'server',
  machine: serverMachine,
  displayName: ({ host, port }) => `grpc ${formatEndpoint({ host, port })}`,
  async initialize({ input, self, clock, log }) {
    const service = await startNodeService({
      ...input,
      name: self.name,
      onRequest: phase => self.send({ type: `request.${phase}` }),
    })
    const { endpoint, host, port } = service
    const own = isWildcard(host) ? (host === '::' ? '::1' : '127.0.0.1') : host
    const { key } = input
    const connection = new NodeConnection({
      endpoint: formatEndpoint({ host: own, port }),
      clock,
      ...(key !== undefined && { key }),
    })
    log.info({ endpoint }, 'node server listens')
    return {
      endpoint,
      host,
      port,
      check: async signal => {
        await connection.checkHealth({ signal })
      },
      close: signal => {
        connection.close()
        return service.close(signal)
      },
    }
  },
  async checkHealth(client, { signal }) {
    try {
      await client.check(signal)
    } catch (cause) {
      throw new ExovisorError(
        'EXO_HEALTH_CHECK_FAILED',
        `node server ${client.endpoint} does not answer itself`,
        { cause },
      )
    }
  },
  async cleanup(client, { signal }) {
    using scope = new CancelScope({ signal, timeout: DRAIN_MS, name: 'the drain of the node server' })
    await client?.close(scope.signal)
  },
})
