import { peer as peerMachine } from '../../machines/peer.ts'
import { defineResource } from '../resources/define.ts'
import type { ResourceDefinition } from '../resources/types.ts'
import { shakeHands } from './handshake.ts'
import type { HeartbeatTiming } from './heartbeat.ts'
import { IncarnationLedger } from './incarnation-ledger.ts'
import { NodeConnection } from './node-connection.ts'
import type {
  LinkStageRequest,
  NodeDescription,
  PlaceShardRequest,
  ReleaseShardRequest,
} from './node-messages.ts'
import { ConnectedPeer, type PeerClient } from './peer-client.ts'
import { defaultPeerWatch } from './peer-monitor.ts'
import { isProvisionalId } from './provisional-id.ts'

export type { PeerClient } from './peer-client.ts'

/** Which node to connect to, and as whom. */
export interface PeerInput {
  /**
   * Node id that must answer. Without it, or with the provisional id that discovery gives to a node listed by
   * its endpoint alone, any node may answer first, and it must stay the same one.
   */
  readonly id?: string
  /** What was announced of it. A hint for people: only what the node itself says in the handshake is believed. */
  readonly incarnation?: number
  /** What people call it. Default: its endpoint. */
  readonly name?: string
  /** `host:port` of its gRPC server. */
  readonly endpoint: string
  /** Secret to show. */
  readonly key?: string
  /** What this node says of itself. */
  readonly self: NodeDescription
  /** Milliseconds that connecting and the handshake may take. Default 5000. */
  readonly connectTimeoutMs?: number
  /** How the peer is watched. Default: asked every 250 ms, down after 1 s of silence. */
  readonly watch?: HeartbeatTiming
  /** Remembers incarnations beyond the life of this resource. Default: one for each input object. */
  readonly ledger?: IncarnationLedger
}

/** What a peer actor understands; it answers as the method of the same name in {@link PeerClient} does. */
export type PeerMessage =
  | { readonly type: 'describe' }
  | { readonly type: 'place-shard'; readonly request: PlaceShardRequest }
  | { readonly type: 'link-stage'; readonly request: LinkStageRequest }
  | { readonly type: 'release-shard'; readonly request: ReleaseShardRequest }

const CONNECT_TIMEOUT_MS = 5_000

// An input object is the same for all incarnations of one resource, and so is what was seen of its peer.
const ledgers = new WeakMap<PeerInput, IncarnationLedger>()

/**
 * The connection to one other node: READY while the node answers, DEGRADED while it does not, ERROR when
 * another node answers in its place or it has restarted, because then all that it held for us is gone.
 */
export const peer: ResourceDefinition<PeerInput, PeerClient, PeerMessage> = defineResource<
  PeerInput,
  ConnectedPeer,
  PeerMessage
>({
  kind: 'peer',
  machine: peerMachine,
  displayName: ({ name, endpoint }) => name ?? endpoint,
  async initialize({ input, signal, self, clock, log }) {
    const { endpoint, id, key, connectTimeoutMs = CONNECT_TIMEOUT_MS } = input
    const ledger = input.ledger ?? ledgers.get(input) ?? new IncarnationLedger()
    ledgers.set(input, ledger)
    const connection = new NodeConnection({ endpoint, clock, ...(key !== undefined && { key }) })
    const handshake = { self: input.self, ledger, ...(id !== undefined && !isProvisionalId(id) && { id }) }
    try {
      const description = await shakeHands(connection, handshake, { signal, timeoutMs: connectTimeoutMs })
      log.info(
        { endpoint, node: description.nodeId, incarnation: description.incarnation },
        'connected to peer',
      )
      return new ConnectedPeer({
        connection,
        handshake,
        description,
        watch: input.watch ?? defaultPeerWatch,
        clock,
        self,
      })
    } catch (error) {
      connection.close()
      throw error
    }
  },
  checkHealth: (client, { signal }) => client.checkHealth({ signal }),
  recover: (client, { signal }) => client.recover({ signal }),
  async cleanup(client) {
    client?.close()
  },
  receive(client, message, { signal }) {
    switch (message.type) {
      case 'describe':
        return client.describe({ signal })
      case 'place-shard':
        return client.placeShard(message.request, { signal })
      case 'link-stage':
        return client.linkStage(message.request, { signal })
      case 'release-shard':
        return client.releaseShard(message.request, { signal })
    }
  },
})
