import type { NodeDescription, NodeHandlers } from '../network/node-server.ts'
import type { ShardHost } from './shard-host.ts'

/** What this node does for its peers: it says who it is, and holds shards for them. */
export function nodeHandlers(describe: () => NodeDescription, shards: ShardHost): NodeHandlers {
  return {
    describe,
    async placeShard({ firstLayer, endLayer, ...order }, { signal }) {
      const { endpoint, enginePid, stepMs } = await shards.place(
        { ...order, layers: [firstLayer, endLayer] },
        signal,
      )
      const { incarnation } = describe()
      return { tensorEndpoint: endpoint, enginePid, incarnation, ...(stepMs !== undefined && { stepMs }) }
    },
    async linkStage({ placement, epoch, nextEndpoint }) {
      await shards.link({ placement, epoch, ...(nextEndpoint !== '' && { next: nextEndpoint }) })
    },
    releaseShard: order => shards.release(order),
  }
}
