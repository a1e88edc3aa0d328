import { type Clock, realClock } from '../concurrency/clock.ts'
import { type CancelTimer, schedule } from '../concurrency/timer.ts'
import { isProvisionalId } from '../network/provisional-id.ts'
import type { ResourceRef } from '../resources/types.ts'
import type { DiscoveredPeer, DiscoveryClient, DiscoveryEvent } from './discovery.ts'
import { PeerFeed } from './peer-feed.ts'

/** A source: a client, or the ref of a discovery resource, whose restarts are followed then. */
export type DiscoverySource = DiscoveryClient | ResourceRef<DiscoveryClient>

/** How sources are merged. */
export interface MergeOptions {
  /** Default {@link realClock}. */
  readonly clock?: Clock
  /** Milliseconds for which the nodes of a source that restarts stay known without being found again. Default 15,000. */
  readonly hold?: number
}

/** Several sources as one. */
export interface MergedDiscovery extends DiscoveryClient {
  /** Listens to the sources no longer. */
  close(): void
}

const HOLD_MS = 15_000

/**
 * Makes one source of several. A node is one node in whichever of them it appears, by its id, or by its endpoint
 * where it is listed without id. What people have listed decides on its endpoint; the highest incarnation counts.
 * It is lost when no source knows it any more.
 */
export function mergeDiscovery(
  sources: readonly DiscoverySource[],
  options: MergeOptions = {},
): MergedDiscovery {
  const merge = new Merge()
  const stops = sources.map(source => follow(source, merge, options))
  return {
    peers: () => merge.feed.peers(),
    subscribe: listener => merge.feed.subscribe(listener),
    close: () => {
      for (const stop of stops) stop()
    },
  }
}

/** What one source knows. */
type Known = Map<string, DiscoveredPeer>

class Merge {
  readonly feed = new PeerFeed()
  readonly #sources: Known[] = []

  addSource(): Known {
    const known: Known = new Map()
    this.#sources.push(known)
    return known
  }

  /** Works out anew what is known, after a source has changed. */
  update(reason: string): void {
    const merged = combine(this.#sources.flatMap(known => [...known.values()]))
    for (const { id } of this.feed.peers()) if (!merged.has(id)) this.feed.remove(id, reason)
    for (const peer of merged.values()) this.feed.put(peer)
  }
}

function combine(peers: readonly DiscoveredPeer[]): Map<string, DiscoveredPeer> {
  const merged = new Map<string, DiscoveredPeer>()
  for (const peer of peers) {
    const other = merged.get(peer.id)
    merged.set(peer.id, other ? unite(other, peer) : peer)
  }
  const named = new Set(
    [...merged.values()].flatMap(({ id, endpoint }) => (isProvisionalId(id) ? [] : [endpoint])),
  )
  for (const { id, endpoint } of [...merged.values()])
    if (isProvisionalId(id) && named.has(endpoint)) merged.delete(id)
  return merged
}

function unite(a: DiscoveredPeer, b: DiscoveredPeer): DiscoveredPeer {
  const chosen = b.source === 'manual' && a.source !== 'manual' ? b : a
  return { ...chosen, incarnation: Math.max(a.incarnation, b.incarnation) }
}

function follow(source: DiscoverySource, merge: Merge, options: MergeOptions): () => void {
  const known = merge.addSource()
  const take = (event: DiscoveryEvent) => {
    if (event.type === 'lost') {
      known.delete(event.id)
      merge.update(event.reason)
    } else {
      known.set(event.peer.id, event.peer)
      merge.update('another source knows it by its id')
    }
  }
  return isRef(source)
    ? followRef(
        source,
        known,
        take,
        () => merge.update('its source was restarted and did not find it again'),
        options,
      )
    : source.subscribe(take)
}

function followRef(
  ref: ResourceRef<DiscoveryClient>,
  known: Known,
  take: (event: DiscoveryEvent) => void,
  dropped: () => void,
  { clock = realClock, hold = HOLD_MS }: MergeOptions,
): () => void {
  let client: DiscoveryClient | undefined
  let leave: () => void = () => undefined
  let cancelHold: CancelTimer = () => undefined
  const look = () => {
    if (ref.client === client) return
    const restarted = known.size > 0
    leave()
    cancelHold()
    client = ref.client
    leave = client?.subscribe(take) ?? (() => undefined)
    // While the source is away nothing is forgotten: that it fails says nothing of the nodes it has found.
    if (!client || !restarted) return
    cancelHold = schedule(clock, hold, () => {
      const found = new Set(client?.peers().map(({ id }) => id))
      for (const id of [...known.keys()]) if (!found.has(id)) known.delete(id)
      dropped()
    })
  }
  look()
  const unsubscribe = ref.subscribe(look)
  return () => {
    unsubscribe()
    leave()
    cancelHold()
  }
}

function isRef(source: DiscoverySource): source is ResourceRef<DiscoveryClient> {
  return 'ready' in source
}
