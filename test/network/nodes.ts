import {
  type NodeDescription,
  type NodeHandlers,
  nodeServer,
  PROTOCOL_VERSION,
} from '../../src/network/node-server.ts'
import { type PeerInput, peer } from '../../src/network/peer.ts'
import { createResource } from '../../src/resources/create.ts'
import type { LifecycleState, ResourceRef } from '../../src/resources/types.ts'
import type { Cleanup } from './links.ts'

/** An order for a shard; tests change what they look at. */
export const shardOrder = {
  placement: 'p',
  epoch: 3,
  model: 'builtin',
  fingerprint: 'f',
  firstLayer: 0,
  endLayer: 2,
  context: 128,
  slots: 4,
  owner: 'owner',
} as const

/** What a node of a test says of itself. */
export function description(change: Partial<NodeDescription> = {}): NodeDescription {
  return {
    nodeId: 'a'.repeat(32),
    name: 'attic',
    incarnation: 1,
    version: '0.0.0',
    protocol: PROTOCOL_VERSION,
    memoryBytes: 2 ** 40,
    pid: 7,
    namespace: 'test',
    ...change,
  }
}

/** Handlers that answer something, unless they are replaced. */
export function handlers(change: Partial<NodeHandlers> = {}): NodeHandlers {
  return {
    describe: () => description(),
    placeShard: async () => ({ tensorEndpoint: '127.0.0.1:9', enginePid: 8, incarnation: 1 }),
    linkStage: async () => {},
    releaseShard: async () => {},
    ...change,
  }
}

/** A node server on loopback. */
export async function startNode(
  cleanup: Cleanup,
  change: Partial<NodeHandlers> = {},
  { port = 0, key }: { port?: number; key?: string } = {},
) {
  const input = { host: '127.0.0.1', port, handlers: handlers(change), ...(key !== undefined && { key }) }
  const resource = cleanup.add(createResource(nodeServer, { input, name: 'node' }), node => node.close())
  const { endpoint } = await resource.initialize()
  return { resource, endpoint, port: Number(endpoint.split(':')[1]) }
}

/** A peer resource of a node with another id; not started. */
export function createPeer(
  cleanup: Cleanup,
  input: Omit<PeerInput, 'self'> & Partial<Pick<PeerInput, 'self'>>,
) {
  const self = description({ nodeId: 'b'.repeat(32), name: 'cellar' })
  return cleanup.add(createResource(peer, { input: { self, ...input } }), resource => resource.close())
}

/** A promise of the moment at which a resource is in a state. */
export function inState(ref: ResourceRef<unknown, never>, state: LifecycleState): Promise<void> {
  return new Promise(resolve => {
    if (ref.state === state) {
      resolve()
      return
    }
    const stop = ref.subscribe(change => {
      if (change.state !== state) return
      stop()
      resolve()
    })
  })
}
