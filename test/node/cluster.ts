import type { DiscoveredPeer, DiscoveryClient, DiscoveryEvent } from '../../src/discovery/discovery.ts'
import { type Node, type SpawnNodeOptions, spawnNode } from '../../src/node.ts'
import { silentLog } from '../../src/resources/log.ts'

/** A list of peers that a test changes. */
class PeerList implements DiscoveryClient {
  readonly #peers = new Map<string, DiscoveredPeer>()
  readonly #listeners = new Set<(event: DiscoveryEvent) => void>()

  peers(): readonly DiscoveredPeer[] {
    return [...this.#peers.values()]
  }

  subscribe(listener: (event: DiscoveryEvent) => void): () => void {
    for (const peer of this.#peers.values()) listener({ type: 'found', peer })
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  add(node: Node): void {
    const peer = {
      id: node.id,
      name: node.name,
      endpoint: node.grpc,
      incarnation: 1,
      source: 'manual',
    } as const
    this.#peers.set(peer.id, peer)
    for (const listener of this.#listeners) listener({ type: 'found', peer })
  }

  remove(id: string): void {
    this.#peers.delete(id)
    for (const listener of this.#listeners) listener({ type: 'lost', id, reason: 'removed by the test' })
  }
}

/** A node in this process, silent and on free ports. */
export function testNode(name: string, model: string, options: SpawnNodeOptions = {}): Promise<Node> {
  return spawnNode({
    env: {},
    place: 'on-demand',
    logger: () => silentLog,
    ...options,
    flags: {
      model,
      'node.name': name,
      'api.enabled': false,
      'discovery.udp.enabled': false,
      ...options.flags,
    },
  })
}

export interface TestCluster extends AsyncDisposable {
  readonly entry: Node
  readonly others: readonly Node[]
  readonly peers: PeerList
}

/** `count` nodes in this process, the first of them connected to all others. */
export async function testCluster(
  count: number,
  model: string,
  options: SpawnNodeOptions = {},
  entryOptions = options,
): Promise<TestCluster> {
  const others = await Promise.all(
    Array.from({ length: count - 1 }, (_, index) => testNode(`node-${index + 2}`, model, options)),
  )
  const peers = new PeerList()
  for (const node of others) peers.add(node)
  const entry = await testNode('node-1', model, { ...entryOptions, discovery: [peers] })
  await entry.connected(others.length)
  return {
    entry,
    others,
    peers,
    async [Symbol.asyncDispose]() {
      await entry.close()
      await Promise.all(others.map(node => node.close()))
    },
  }
}
