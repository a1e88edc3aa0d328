import { Background } from '../../src/concurrency/background.ts'
import type { Clock } from '../../src/concurrency/clock.ts'
import { seededRandom } from '../../src/concurrency/random.ts'
import type { DiscoveryEvent } from '../../src/discovery/discovery.ts'
import type { NetworkPath } from '../../src/discovery/network-paths.ts'
import { UdpNode, type UdpNodeOptions } from '../../src/discovery/udp-node.ts'
import { silentLog } from '../../src/resources/log.ts'

/** A network in memory: what one node sends, all others hear, as long as they are near. */
export class Air {
  readonly #nodes = new Map<UdpNode, { address: string; near: boolean }>()
  readonly sent: { readonly at: number; readonly bytes: Buffer }[] = []
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A node with the given last byte of its address; not started. */
  node(
    host: number,
    change: Partial<UdpNodeOptions> = {},
  ): { node: UdpNode; events: DiscoveryEvent[]; reach: boolean[] } {
    const id = String(host).padStart(32, '0')
    const address = `192.0.2.${host}`
    const path: NetworkPath = {
      key: address,
      family: 4,
      address,
      multicastInterface: address,
      group: '',
      name: 'eth0',
      prefix: 24,
    }
    const reach: boolean[] = []
    let open: readonly NetworkPath[] = []
    const background = new Background({
      owner: id,
      clock: this.#clock,
      onFailure: error => {
        throw error
      },
    })
    const node: UdpNode = new UdpNode({
      self: { id, name: `node-${host}`, incarnation: 1, port: 5_000 + host },
      scope: { namespace: 'test' },
      table: { self: id, timeout: 10_000, capacity: 1_024 },
      interval: 2_000,
      rescan: 5_000,
      clock: this.#clock,
      random: seededRandom(host),
      log: silentLog,
      spawn: (name, work) => background.spawn(name, work),
      sockets: {
        update: async paths => {
          open = paths
        },
        send: async bytes => this.#spread(node, bytes),
        close: () => {
          background.cancel()
          this.#nodes.delete(node)
        },
        get open() {
          return open
        },
      },
      paths: () => [path],
      onCount: () => {},
      onReach: reachable => reach.push(reachable),
      ...change,
    })
    this.#nodes.set(node, { address, near: true })
    const events: DiscoveryEvent[] = []
    node.subscribe(event => events.push(event))
    return { node, events, reach }
  }

  /** Takes a node off the network, or puts it back. */
  setNear(node: UdpNode, near: boolean): void {
    const place = this.#nodes.get(node)
    if (place) place.near = near
  }

  /** Sends a datagram from outside to all nodes. */
  inject(bytes: Buffer, address: string): void {
    for (const [node, { near }] of this.#nodes) if (near) node.receive(bytes, address)
  }

  #spread(sender: UdpNode, bytes: Buffer): void {
    this.sent.push({ at: this.#clock.now(), bytes })
    const place = this.#nodes.get(sender)
    if (place?.near) this.inject(bytes, place.address)
  }
}
