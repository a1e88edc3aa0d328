import type { Placement } from '../cluster/placement.ts'
import type { PeerClient } from '../network/peer.ts'
import type { ClusterView } from '../observe/view/messages.ts'
import type { Registry } from '../resources/registry.ts'

/** Where the view of a cluster is taken from. */
export interface ClusterSources {
  readonly self: { readonly id: string; readonly name: string }
  readonly registry: Registry
  readonly placement: Pick<Placement, 'active'>
}

type Node = ClusterView['nodes'][number]

/** Milliseconds as people read them. */
const rounded = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : Math.round(ms * 100) / 100

/** The cluster as this node sees it: itself, its peers with the round trips that their heartbeats measure, and the placement that serves. */
export function clusterView({ self, registry, placement }: ClusterSources): ClusterView {
  const peers = registry.list({ kind: 'peer' }).map(({ path, displayName, state }): Node => {
    const client = registry.ref(path).client as PeerClient | undefined
    const { nodeId: id = path, name = displayName } = client?.description ?? {}
    const latency = rounded(client?.roundTripMs)
    return { id, name, state, ...(latency !== undefined && { latency }) }
  })
  const { active } = placement
  return {
    nodes: [{ ...self, self: true, state: 'READY' }, ...peers],
    ...(active && {
      placement: {
        epoch: active.epoch,
        stages: active.stages.map(({ node, layers }, index) => {
          const predicted = rounded(active.expectedMs?.[index])
          const measured = rounded(active.chain.stageMs(index))
          return {
            node,
            layers,
            ...(predicted !== undefined && { predicted }),
            ...(measured !== undefined && { measured }),
          }
        }),
      },
    }),
  }
}
