import { lifecycle } from '../../machines/lifecycle.ts'
import { defineResource } from './define.ts'
import { NetworkCore } from './network-client.ts'
import { resolveRetry } from './network-retry.ts'
import type { NetworkClient, NetworkShape } from './network-types.ts'
import type { ResourceDefinition } from './types.ts'

/**
 * Makes a definition of a kind of connection. Its client runs operations with the connection, repeats those that fail for a while, and
 * replaces a connection that has broken, without a new incarnation. A soft restart is a reconnect.
 *
 * @example
 * const redis = networkResource({
 *   kind: 'redis',
 *   connect: ({ url }: { url: string }, { signal }) => openRedis(url, { signal }),
 *   disconnect: connection => connection.quit(),
 *   ping: (connection, { signal }) => connection.ping({ signal }),
 * })
 * const client = await root.ref(redis, 'sessions').ready()
 * const value = await client.withConnection(connection => connection.get('key'), { retries: 2 })
 *
 * @throws EXO_CHILD_SPEC_INVALID for a wrong kind or effect; EXO_OPTION_INVALID for a wrong retry policy
 */
export function networkResource<Input, Connection>(
  shape: NetworkShape<Input, Connection>,
): ResourceDefinition<Input, NetworkClient<Connection>> {
  resolveRetry(`a ${shape.kind}`, shape.retry)
  const { displayName } = shape
  return defineResource<Input, NetworkCore<Input, Connection>>({
    kind: shape.kind,
    machine: shape.machine ?? lifecycle,
    async initialize(context) {
      const client = new NetworkCore(shape, context)
      await client.open()
      return client
    },
    ...(shape.ping && { checkHealth: (client, { signal }) => client.check(signal) }),
    async recover(client, { signal }) {
      await client.reconnect({ signal })
    },
    async cleanup(client, { reason, signal }) {
      await client?.close(reason, signal)
    },
    ...(displayName && { displayName: input => displayName(input) }),
  })
}
