import type { DiscoveredPeer, DiscoveryClient, DiscoveryEvent } from './discovery.ts'

/** Keeps the nodes that are known, and tells all who subscribe. */
export class PeerFeed implements DiscoveryClient {
  readonly #peers = new Map<string, DiscoveredPeer>()
  readonly #listeners = new Set<(event: DiscoveryEvent) => void>()
  readonly #onCount: (count: number) => void

  /** @param onCount told how many nodes are known, whenever that changes */
  constructor(onCount: (count: number) => void = () => undefined) {
    this.#onCount = onCount
  }

  peers(): readonly DiscoveredPeer[] {
    return [...this.#peers.values()]
  }

  /** What is known of one node. */
  get(id: string): DiscoveredPeer | undefined {
    return this.#peers.get(id)
  }

  subscribe(listener: (event: DiscoveryEvent) => void): () => void {
    // Wrapped, so that the same function subscribed twice is told twice and can be taken back once.
    const own = (event: DiscoveryEvent): void => listener(event)
    for (const peer of this.peers()) own({ type: 'found', peer })
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  /** Takes what is known of a node now. Nothing is told when nothing is new. */
  put(peer: DiscoveredPeer): void {
    const known = this.#peers.get(peer.id)
    if (known && samePeer(known, peer)) return
    this.#peers.set(peer.id, peer)
    this.#tell({ type: known ? 'changed' : 'found', peer })
    if (!known) this.#onCount(this.#peers.size)
  }

  /** A node is known no longer. */
  remove(id: string, reason: string): void {
    if (!this.#peers.delete(id)) return
    this.#tell({ type: 'lost', id, reason })
    this.#onCount(this.#peers.size)
  }

  #tell(event: DiscoveryEvent): void {
    for (const listener of [...this.#listeners]) listener(event)
  }
}

function samePeer(a: DiscoveredPeer, b: DiscoveredPeer): boolean {
  return (
    a.name === b.name && a.endpoint === b.endpoint && a.incarnation === b.incarnation && a.source === b.source
  )
}
