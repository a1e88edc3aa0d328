import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { discovery as discoveryMachine } from '../../machines/discovery.ts'
import { yamlLimits } from '../config/yaml.ts'
import { ExovisorError, isExovisorError, toErrorRecord } from '../errors.ts'
import { defineResource } from '../resources/define.ts'
import type { InitializeContext, ResourceDefinition } from '../resources/types.ts'
import type { DiscoveredPeer, DiscoveryClient } from './discovery.ts'
import { FileWatch } from './file-watch.ts'
import { PeerFeed } from './peer-feed.ts'
import { checkPeers, fileUnreadable, type ListedPeer, parsePeersFile } from './peers-file.ts'

/** Where the list of peers comes from: a file, which is read again when it changes, or the list itself. */
export type ManualDiscoveryInput = (
  | {
      /** Path of a YAML or JSON file: `peers: [{ id?, name?, endpoint: host:port }]`. */
      readonly file: string
    }
  | { readonly peers: readonly ListedPeer[] }
) & {
  /** Our own node id: an entry with it is passed over, so that all nodes can share one list. */
  readonly self?: string
  /** Milliseconds between two looks at the file, beside the news of the file system. Default 1000. */
  readonly poll?: number
}

interface ManualClient {
  readonly feed: PeerFeed
  /** Why the file as it is now cannot be used; undefined while it can. */
  readonly fault: () => ExovisorError | undefined
  readonly reload: () => Promise<void>
  readonly close: () => void
}

// The resource's own view of a client; its callers see a DiscoveryClient.
const clients = new WeakMap<DiscoveryClient, ManualClient>()

/**
 * Peers that people have listed. A file that breaks while it is in use leaves the last good list in use and
 * makes the resource DEGRADED with EXO_PEERS_FILE_INVALID until it is mended.
 */
export const manualDiscovery: ResourceDefinition<ManualDiscoveryInput, DiscoveryClient> = defineResource<
  ManualDiscoveryInput,
  DiscoveryClient
>({
  kind: 'discovery',
  machine: discoveryMachine,
  displayName: input => ('file' in input ? input.file : 'list of peers'),
  async initialize(context) {
    const { input, self } = context
    const feed = new PeerFeed(count => self.send({ type: 'peers.changed', count }))
    const client =
      'file' in input ? await followFile(input.file, feed, context) : fixedList(input.peers, feed, input.self)
    clients.set(feed, client)
    return feed
  },
  async checkHealth(client) {
    const fault = clients.get(client)?.fault()
    if (fault) throw fault
  },
  recover: async client => {
    await clients.get(client)?.reload()
    const fault = clients.get(client)?.fault()
    if (fault) throw fault
  },
  async cleanup(client) {
    if (client) clients.get(client)?.close()
  },
})

function fixedList(peers: readonly ListedPeer[], feed: PeerFeed, self: string | undefined): ManualClient {
  apply(feed, checkPeers(peers), self)
  return { feed, fault: () => undefined, reload: async () => {}, close: () => {} }
}

async function followFile(
  file: string,
  feed: PeerFeed,
  { input, self, log, clock }: InitializeContext<ManualDiscoveryInput>,
): Promise<ManualClient> {
  const path = resolve(file)
  let fault: ExovisorError | undefined
  const reload = async () => {
    try {
      apply(feed, await readPeers(path), input.self)
      if (fault) {
        log.info({ path, peers: feed.peers().length }, 'the peers file is mended')
        fault = undefined
        self.recovered()
      }
    } catch (error) {
      const before = fault?.message
      fault = isExovisorError(error) ? error : fileUnreadable(path, error)
      if (fault.message === before) return
      log.warn(
        { path, error: toErrorRecord(fault) },
        'the peers file is broken, the last good list stays in use',
      )
      self.degrade(fault)
    }
  }
  const watch = new FileWatch({
    path,
    clock,
    spawn: self.spawn,
    onChange: reload,
    ...(input.poll !== undefined && { poll: input.poll }),
  })
  try {
    await watch.start()
    apply(feed, await readPeers(path), input.self)
  } catch (error) {
    watch.close()
    throw error
  }
  return { feed, fault: () => fault, reload, close: () => watch.close() }
}

/** @throws EXO_PEERS_FILE_INVALID */
async function readPeers(path: string): Promise<readonly DiscoveredPeer[]> {
  let text: string
  try {
    text = await readBounded(path, yamlLimits.bytes)
  } catch (cause) {
    if (isExovisorError(cause)) throw cause
    throw fileUnreadable(path, cause)
  }
  return parsePeersFile(text, path)
}

async function readBounded(path: string, limit: number): Promise<string> {
  const file = await open(path)
  try {
    // One byte more than allowed: whatever says of itself that it is small may still go on for ever.
    const buffer = Buffer.alloc(limit + 1)
    let size = 0
    for (let read = -1; read !== 0 && size <= limit; size += read)
      read = (await file.read(buffer, size, buffer.byteLength - size)).bytesRead
    if (size <= limit) return buffer.toString('utf8', 0, size)
    throw new ExovisorError(
      'EXO_PEERS_FILE_INVALID',
      `peers file ${path}: more than ${limit} bytes, expected at most so many`,
      { details: { path } },
    )
  } finally {
    await file.close()
  }
}

function apply(feed: PeerFeed, peers: readonly DiscoveredPeer[], self: string | undefined): void {
  const listed = peers.filter(({ id }) => id !== self)
  const ids = new Set(listed.map(({ id }) => id))
  for (const { id } of feed.peers()) if (!ids.has(id)) feed.remove(id, 'it is no longer in the list')
  for (const peer of listed) feed.put(peer)
}
