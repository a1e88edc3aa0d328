/** The same client on resources: what a connection is, and which errors are worth another attempt. The rest is the runtime's work. */
import { type Client, type ServiceError, status } from '@grpc/grpc-js'
import { isExovisorError, networkResource, poolResource, supervise } from 'exovisor/runtime'
import { callOnce, type Greeter, type GreeterOptions, limits, onLost, openChannel } from './greeter.ts'

const codeOf = (error: unknown) => (error as Partial<ServiceError>).code
const RETRYABLE = new Set<unknown>([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.INTERNAL])
const isRetryable = (error: unknown) =>
  isExovisorError(error) ? error.retryable : RETRYABLE.has(codeOf(error))

const connections = poolResource(
  networkResource<string, Client>({
    kind: 'greeter-connection',
    async connect(endpoint, { lost }) {
      const client = await openChannel(endpoint)
      onLost(client, lost)
      return client
    },
    disconnect: async client => client.close(),
    // A lost connection tells of itself. One that is silent does not.
    isBroken: error => codeOf(error) === status.DEADLINE_EXCEEDED,
    retry: {
      retries: limits.attempts - 1,
      backoff: { initial: limits.backoffMs, max: limits.longestBackoffMs },
    },
  }),
)

export async function greeterWithResources(options: GreeterOptions): Promise<Greeter> {
  const { endpoint, connections: max, attemptMs } = options
  const retries = { createAttempts: limits.attempts, retryDelay: limits.backoffMs }
  const root = await supervise({
    children: [{ id: 'greeters', resource: connections, input: { input: endpoint, max, ...retries } }],
  })
  const pool = await root.ref(connections, 'greeters').ready()
  return {
    greet: name =>
      pool.use(connection =>
        connection.withConnection(client => callOnce(client, name, attemptMs), { isRetryable }),
      ),
    close: () => root.close(),
  }
}
