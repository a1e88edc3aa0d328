import { randomBytes } from 'node:crypto'
import { createResource } from '../../resources/create.ts'
import type { ResourceLog } from '../../resources/types.ts'
import type { SupervisorClient } from '../../supervision/types.ts'
import { inspectorServer } from './inspector-server.ts'

/** What viewers must know to connect: 32 random bytes. */
export const newToken = (): string => randomBytes(32).toString('base64url')

/** How a tree is offered to Stately's inspector. */
export interface StatelyOptions {
  /** On 127.0.0.1; when it is taken, a free one. Default: 0, a free one. */
  readonly port?: number
  /** Default: silent. */
  readonly log?: ResourceLog
}

/** A tree that is offered to Stately's inspector. */
export interface StatelyInspection extends AsyncDisposable {
  /** The page to open in a browser; it frames Stately's own, which needs the internet. */
  readonly url: string
  /** The websocket for any other viewer that reads the format of `@statelyai/inspect`. */
  readonly socket: string
  /** How many viewers are connected. The tree is observed while there is one. */
  readonly viewers: number
  close(): Promise<void>
}

/**
 * Offers a supervision tree to Stately's inspector, on this machine alone. Ends with the tree, or when it is closed.
 *
 * @example
 * const root = await supervise({ children })
 * const inspection = await inspectWithStately(root)
 * console.log(inspection.url)
 */
export async function inspectWithStately(
  root: Pick<SupervisorClient, 'inspect'> & { readonly closed: Promise<unknown> },
  { port = 0, log }: StatelyOptions = {},
): Promise<StatelyInspection> {
  const resource = createResource(inspectorServer, {
    input: { port, token: newToken(), attach: observer => root.inspect(observer) },
    ...(log && { log }),
  })
  const client = await resource.initialize()
  const close = () => resource.close()
  root.closed.then(close, close).catch(() => undefined)
  return {
    url: client.url,
    socket: client.socket,
    get viewers() {
      return client.viewers
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
