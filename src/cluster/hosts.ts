import type { PeerClient } from '../network/peer.ts'
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

/** A peer as a host of stages, or undefined while it is not READY: a DEGRADED peer gets no new work. */
export function peerHost(ref: ResourceRef<PeerClient>): StageHost | undefined {
  const { client } = ref
  if (ref.state !== 'READY' || !client) return undefined
  const { nodeId, name, pid, memoryBytes } = client.description
  return {
    id: nodeId,
    name,
    pid,
    memory: memoryBytes,
    async place({ layers: [firstLayer, endLayer], ...order }, { signal }) {
      const { tensorEndpoint, enginePid } = await client.placeShard({ ...order, firstLayer, endLayer }, { signal })
      return { endpoint: tensorEndpoint, enginePid }
    },
    link: async ({ placement, epoch, next }, { signal }) => {
      await client.linkStage({ placement, epoch, nextEndpoint: next ?? '' }, { signal })
    },
    release: async order => {
      await client.releaseShard(order)
    },
  }
}
