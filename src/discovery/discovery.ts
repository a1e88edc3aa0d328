/** A node that was heard of. It is a hint: only the handshake of its peer resource makes it a member. */
export interface DiscoveredPeer {
  /** Stable node id; a provisional one for a node that is listed by its endpoint alone. */
  readonly id: string
  readonly name: string
  /** `host:port` of its gRPC server. */
  readonly endpoint: string
  /** Grows with every start of the node; 0 when it is not known. */
  readonly incarnation: number
  readonly source: 'udp' | 'manual'
}

/** News of a node. */
export type DiscoveryEvent =
  | { readonly type: 'found' | 'changed'; readonly peer: DiscoveredPeer }
  | { readonly type: 'lost'; readonly id: string; readonly reason: string }

/** A source of news about other nodes. */
export interface DiscoveryClient {
  /** The nodes that are known now. */
  peers(): readonly DiscoveredPeer[]
  /** Tells of the nodes known now as found, at once, and then of all news. The result ends it. */
  subscribe(listener: (event: DiscoveryEvent) => void): () => void
}
