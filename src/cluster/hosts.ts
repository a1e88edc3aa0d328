import type { PlacedShard } from '../network/node-messages.ts'
import type { PeerClient, PeerMessage } from '../network/peer.ts'
import type { ResourceRef } from '../resources/types.ts'
import type { ShardHost } from './shard-host.ts'
import type { StageHost } from './stage-host.ts'

/** This node as a host of stages. */
export function localHost(options: {
  readonly id: string
  readonly name: string
  readonly memory: number
  readonly shards: ShardHost
}): StageHost {
  const { id, name, memory, shards } = options
  return {
    id,
    name,
    pid: process.pid,
    memory,
    place: (order, { signal }) => shards.place(order, signal),
    link: order => shards.link(order),
    release: order => shards.release(order),
  }
}

/** Loading layers takes its time; the node's own limits are shorter. */
const PLACE_TIMEOUT_MS = 130_000
const CALL_TIMEOUT_MS = 40_000

/**
 * A peer as a host of stages, or undefined while it is not READY: a DEGRADED peer gets no new work. Orders go to
 * the peer's actor as messages, one after the other.
 */
export function peerHost(ref: ResourceRef<PeerClient, PeerMessage>): StageHost | undefined {
  const { client } = ref
  if (ref.state !== 'READY' || !client) return undefined
  const { nodeId, name, pid, memoryBytes } = client.description
  return {
    id: nodeId,
    name,
    pid,
    memory: memoryBytes,
    async place({ layers: [firstLayer, endLayer], ...order }, { signal }) {
      const request = { ...order, firstLayer, endLayer }
      const held = await ref.ask({ type: 'place-shard', request }, { signal, timeout: PLACE_TIMEOUT_MS })
      const { tensorEndpoint, enginePid } = held as PlacedShard
      return { endpoint: tensorEndpoint, enginePid }
    },
    async link({ placement, epoch, next }, { signal }) {
      const request = { placement, epoch, nextEndpoint: next ?? '' }
      await ref.ask({ type: 'link-stage', request }, { signal, timeout: CALL_TIMEOUT_MS })
    },
    async release(request) {
      await ref.ask({ type: 'release-shard', request }, { timeout: CALL_TIMEOUT_MS })
    },
  }
}
