import type { Config } from './config/schema.ts'
import type { NodeRoot } from './node-root.ts'
import { newToken } from './observe/stately/inspect-with-stately.ts'
import { inspectorServer } from './observe/stately/inspector-server.ts'

/**
 * Offers the machines of a node to Stately's inspector, if the configuration says so.
 * @returns the address of the page to open
 */
export async function startInspector(
  { inspect }: Config,
  { root, metrics, onDispose }: NodeRoot,
): Promise<string | undefined> {
  if (!inspect.enabled) return undefined
  // The token is of this start of the node: a restart of the resource alone keeps what was printed.
  const ref = await root.start({
    id: 'inspector',
    resource: inspectorServer,
    policy: 'server',
    input: { port: inspect.port, token: newToken(), attach: observer => root.inspect(observer) },
  })
  onDispose(metrics.watch({ viewers: () => ref.client?.viewers ?? 0 }))
  return (await ref.ready()).url
}
