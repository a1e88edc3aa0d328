import { isIPv6 } from 'node:net'
import { formatEndpoint, isLoopback } from '../network/endpoint.ts'
import type { Announcement } from './announcement.ts'
import type { DiscoveredPeer, DiscoveryEvent } from './discovery.ts'

/** An address that a node was heard from. */
interface PeerPath {
  readonly address: string
  readonly sequence: number
  readonly heard: number
}

/** What is known of one node. */
interface PeerEntry {
  readonly id: string
  readonly name: string
  readonly incarnation: number
  readonly port: number
  readonly sequence: number
  readonly heard: number
  /** The address in use. */
  readonly address: string
  readonly paths: readonly PeerPath[]
}

/** A node that is gone: its late announcements must not bring it back. */
interface Tombstone {
  readonly incarnation: number
  readonly sequence: number
  readonly until: number
}

/** All nodes that were heard of. */
export interface PeerTable {
  readonly peers: ReadonlyMap<string, PeerEntry>
  readonly gone: ReadonlyMap<string, Tombstone>
}

/** What a table allows. Times in milliseconds. */
export interface PeerTableOptions {
  /** Our own node id. */
  readonly self: string
  /** Silence after which a node is lost. */
  readonly timeout: number
  /** Nodes at a time; further ones are ignored. */
  readonly capacity: number
}

/** Why an announcement changed nothing. */
export type Ignored = 'own' | 'table-full' | 'older-incarnation' | 'replayed' | 'unknown-leaves'

/** A table after something has happened, and what to tell of it. */
export interface TableStep {
  readonly table: PeerTable
  readonly events: readonly DiscoveryEvent[]
  readonly ignored?: Ignored
}

/** A table without nodes. */
export const emptyTable: PeerTable = { peers: new Map(), gone: new Map() }

const MAX_PATHS = 8
/** How much longer than the timeout a tombstone stands. */
const TOMBSTONE_FACTOR = 6

/**
 * Takes an announcement that came from `source` at `now`.
 *
 * A node is known by its id alone. Of the addresses that it is heard from one is in use, and stays so while it
 * is heard: several networks between two nodes make no unrest.
 */
export function hear(
  table: PeerTable,
  announcement: Announcement,
  source: string,
  now: number,
  options: PeerTableOptions,
): TableStep {
  const { id, incarnation, sequence, leave } = announcement
  const ignore = (ignored: Ignored): TableStep => ({ table, events: [], ignored })
  if (id === options.self) return ignore('own')
  const known = table.peers.get(id)
  const last = known ?? table.gone.get(id)
  if (last && incarnation < last.incarnation) return ignore('older-incarnation')
  const sameLife = last?.incarnation === incarnation
  if (sameLife && isReplay(known, last, sequence, source)) return ignore('replayed')
  if (leave) return known ? bury(table, known, announcement, now, options) : ignore('unknown-leaves')
  if (!known && table.peers.size >= options.capacity) return ignore('table-full')

  const entry = refresh(sameLife ? known : undefined, announcement, source, now, options)
  const peers = new Map(table.peers).set(id, entry)
  const gone = new Map(table.gone)
  gone.delete(id)
  const peer = discovered(entry)
  const events =
    known && sameAs(discovered(known), peer) ? [] : [{ type: known ? 'changed' : 'found', peer } as const]
  return { table: { peers, gone }, events }
}

/** Drops the nodes that were silent for too long. */
export function expire(table: PeerTable, now: number, { timeout, capacity }: PeerTableOptions): TableStep {
  const lost = [...table.peers.values()].filter(({ heard }) => now - heard >= timeout)
  const forgotten = [...table.gone].filter(([, { until }]) => now >= until)
  if (lost.length === 0 && forgotten.length === 0) return { table, events: [] }
  const peers = new Map(table.peers)
  const gone = new Map(table.gone)
  for (const [id] of forgotten) gone.delete(id)
  for (const { id, incarnation, sequence } of lost) {
    peers.delete(id)
    if (gone.size < capacity) gone.set(id, { incarnation, sequence, until: now + TOMBSTONE_FACTOR * timeout })
  }
  const events = lost.map(
    ({ id, heard }) => ({ type: 'lost', id, reason: `silent for ${Math.round(now - heard)} ms` }) as const,
  )
  return { table: { peers, gone }, events }
}

/** Takes back `ms` of silence of all nodes: we were not listening ourselves. */
export function forgive(table: PeerTable, ms: number, now: number): PeerTable {
  const later = (heard: number) => Math.min(now, heard + ms)
  const peers = [...table.peers.values()].map(entry => ({
    ...entry,
    heard: later(entry.heard),
    paths: entry.paths.map(path => ({ ...path, heard: later(path.heard) })),
  }))
  return { ...table, peers: new Map(peers.map(entry => [entry.id, entry])) }
}

// One announcement goes out over every network with the same number, so each address has its own count, and
// the highest number of all is accepted once from each.
function isReplay(
  known: PeerEntry | undefined,
  last: { readonly sequence: number },
  sequence: number,
  source: string,
): boolean {
  if (!known) return sequence <= last.sequence
  const path = known.paths.find(({ address }) => address === source)
  return sequence < known.sequence || sequence <= (path?.sequence ?? -1)
}

function bury(
  table: PeerTable,
  known: PeerEntry,
  { incarnation, sequence }: Announcement,
  now: number,
  { timeout, capacity }: PeerTableOptions,
): TableStep {
  const peers = new Map(table.peers)
  peers.delete(known.id)
  const gone = new Map(table.gone)
  if (gone.size < capacity)
    gone.set(known.id, { incarnation, sequence, until: now + TOMBSTONE_FACTOR * timeout })
  return { table: { peers, gone }, events: [{ type: 'lost', id: known.id, reason: 'it has taken leave' }] }
}

function refresh(
  known: PeerEntry | undefined,
  announcement: Announcement,
  source: string,
  now: number,
  { timeout }: PeerTableOptions,
): PeerEntry {
  const { id, name, incarnation, sequence, port } = announcement
  const fresh = (known?.paths ?? []).filter(
    ({ address, heard }) => address !== source && now - heard < timeout / 2,
  )
  const paths = [{ address: source, sequence, heard: now }, ...fresh].slice(0, MAX_PATHS)
  return {
    id,
    name,
    incarnation,
    port,
    sequence,
    heard: now,
    address: bestAddress(paths, known?.address),
    paths,
  }
}

function bestAddress(paths: readonly PeerPath[], current: string | undefined): string {
  const ranked = paths.map(({ address }) => address).sort((a, b) => rank(a) - rank(b))
  const [best = ''] = ranked
  return current !== undefined && ranked.includes(current) && rank(current) === rank(best) ? current : best
}

/** Lower is better: IPv4 is what everything can dial, loopback is reachable on this machine alone. */
function rank(address: string): number {
  if (isLoopback(address)) return 2
  return isIPv6(address) ? 1 : 0
}

function discovered({ id, name, incarnation, port, address }: PeerEntry): DiscoveredPeer {
  return { id, name, incarnation, endpoint: formatEndpoint({ host: address, port }), source: 'udp' }
}

function sameAs(a: DiscoveredPeer, b: DiscoveredPeer): boolean {
  return a.name === b.name && a.endpoint === b.endpoint && a.incarnation === b.incarnation
}
