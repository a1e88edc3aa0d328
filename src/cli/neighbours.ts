import type { Config } from '../config/schema.ts'
import type { DiscoveredPeer, DiscoveryClient, DiscoveryEvent } from '../discovery/discovery.ts'
import type { Node } from '../node.ts'
import { supervise } from '../supervision/supervise.ts'
import { type NodeProcessClient, nodeProcess } from './node-process.ts'

/** Further nodes on this machine, supervised: one that dies is started again. */
export interface Neighbours extends AsyncDisposable {
  /** Of their own, so that no other node of this machine takes part. */
  readonly namespace: string
  /** Tells the entry node of them, and of each new incarnation. */
  readonly discovery: DiscoveryClient
  /** Waits until the node is connected to all of them. */
  connected(node: Node, signal: AbortSignal): Promise<void>
}

/** Which nodes to start. */
export interface NeighbourOptions {
  readonly count: number
  /** The model that they are to hold layers of. */
  readonly model: string
  /** How they run their engines. */
  readonly engine: Config['engine']
  /** Secret of the cluster. */
  readonly key: string | undefined
  /** Tells people what is going on. */
  readonly say: (text: string) => void
  readonly signal: AbortSignal
}

/**
 * Starts node processes side by side and waits until all are ready.
 *
 * @throws EXO_RESOURCE_FAILED when one does not start
 */
export async function startNeighbours(options: NeighbourOptions): Promise<Neighbours> {
  const { count, model, engine, key, say, signal } = options
  const listeners = new Set<(event: DiscoveryEvent) => void>()
  const peers = new Map<string, DiscoveredPeer>()
  const namespace = `run-${process.pid}`
  const names = Array.from({ length: count }, (_, index) => `node-${index + 2}`)
  say(`starting ${count + 1} nodes\n`)
  const root = await supervise({ name: 'neighbours', children: [] })
  const tell = (event: DiscoveryEvent) => {
    for (const listener of listeners) listener(event)
  }
  const found = ({ id, name, grpc }: NodeProcessClient) => {
    const before = peers.get(name)
    const peer = { id, name, endpoint: grpc, incarnation: 1, source: 'manual' } as const
    peers.set(name, peer)
    // A new process is a new node: it keeps nothing that its id could stand for.
    if (before) tell({ type: 'lost', id: before.id, reason: 'its process was started again' })
    tell({ type: 'found', peer })
  }
  const dispose = () => root.close()
  const abort = () => void dispose()
  signal.addEventListener('abort', abort, { once: true })
  try {
    await Promise.all(
      names.map(async name => {
        const ref = await root.start({
          id: name,
          resource: nodeProcess,
          input: { name, namespace, model, engine, ...(key !== undefined && { key }) },
        })
        found(await ref.ready({ signal }))
        ref.subscribe(({ state }) => {
          if (state === 'READY' && ref.client) found(ref.client)
        })
      }),
    )
  } catch (error) {
    await dispose()
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
  }
  return {
    namespace,
    discovery: {
      peers: () => [...peers.values()],
      subscribe(listener) {
        for (const peer of peers.values()) listener({ type: 'found', peer })
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    },
    connected: (node, waiting) => node.connected(names.length, { signal: waiting }),
    [Symbol.asyncDispose]: dispose,
  }
}
