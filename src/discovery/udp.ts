import { networkInterfaces } from 'node:os'
import { discovery as discoveryMachine } from '../../machines/discovery.ts'
import { ExovisorError } from '../errors.ts'
import { isLoopback, isWildcard, parseEndpoint } from '../network/endpoint.ts'
import { defineResource } from '../resources/define.ts'
import type { ResourceDefinition } from '../resources/types.ts'
import type { DiscoveryClient } from './discovery.ts'
import { type InterfaceChoice, type NetworkPath, networkPaths } from './network-paths.ts'
import type { RateLimits } from './rate-limit.ts'
import { type UdpCounters, UdpNode } from './udp-node.ts'
import { UdpSockets } from './udp-sockets.ts'

/** Who announces itself, and where. All times in milliseconds. */
export interface UdpDiscoveryInput {
  /** Stable node id. */
  readonly id: string
  readonly name: string
  readonly incarnation: number
  /** Nodes of other namespaces are not seen. */
  readonly namespace: string
  /**
   * `host:port` on which the gRPC server of this node listens. Only the port is announced; the host decides on
   * which interfaces: those that can reach it.
   */
  readonly grpc: string
  /** UDP port that all nodes share. */
  readonly port: number
  /** Time between two announcements. Default 2000; in the first ten seconds at most 1000. */
  readonly interval?: number
  /** Silence after which a node is lost. Default 10,000. */
  readonly timeout?: number
  /** Where to announce. Default: where the gRPC server can be reached. */
  readonly interfaces?: InterfaceChoice
  /** Secret of the cluster: announcements are signed, and those that are not are dropped. */
  readonly key?: string
  /** Nodes at a time. Default 1024. */
  readonly capacity?: number
  readonly rateLimits?: RateLimits
  /** Time between two looks at the interfaces. Default 5000. */
  readonly rescan?: number
}

/** News of other nodes, and counts of what was dropped on the way. */
export interface UdpDiscoveryClient extends DiscoveryClient {
  readonly counters: UdpCounters
}

const defaults = { interval: 2_000, timeout: 10_000, capacity: 1_024, rescan: 5_000 }

/**
 * Finds nodes on the local networks: each announces itself by multicast and broadcast. DEGRADED while no
 * interface can be used; what was found stays known until its timeout.
 */
export const udpDiscovery: ResourceDefinition<UdpDiscoveryInput, UdpDiscoveryClient> = defineResource<
  UdpDiscoveryInput,
  UdpNode
>({
  kind: 'discovery',
  machine: discoveryMachine,
  displayName: ({ port }) => `udp ${port}`,
  async initialize({ input, signal, log, self, clock, random }) {
    const { id, name, incarnation, namespace, port, key } = input
    const { interval, timeout, capacity, rescan } = { ...defaults, ...input }
    const grpc = parseEndpoint(input.grpc)
    let trouble: unknown
    const sockets = new UdpSockets({
      port,
      onDatagram: (bytes, source) => node.receive(bytes, source),
      onTrouble: (what, error) => {
        trouble = error
        log.warn({ error: error instanceof Error ? error.message : String(error) }, `${what} does not work`)
      },
    })
    const node: UdpNode = new UdpNode({
      self: { id, name, incarnation, port: grpc.port },
      scope: { namespace, ...(key !== undefined && { key }) },
      table: { self: id, timeout, capacity },
      interval,
      rescan,
      clock,
      random,
      log,
      spawn: self.spawn,
      sockets,
      ...(input.rateLimits && { rateLimits: input.rateLimits }),
      paths: () => pathsTo(grpc.host, input.interfaces),
      onCount: count => self.send({ type: 'peers.changed', count }),
      onReach: reachable => (reachable ? self.recovered() : self.degrade(trouble ?? noInterface())),
    })
    try {
      await node.start()
      signal.throwIfAborted()
      if (!node.reachable) throw trouble ?? noInterface()
    } catch (error) {
      await node.close()
      throw error
    }
    log.info({ port, interfaces: sockets.open.map(({ key: path }) => path) }, 'announcing this node')
    return node
  },
  async checkHealth(node) {
    node.check()
  },
  async cleanup(node) {
    await node?.close()
  },
})

/** The paths on which others can reach a gRPC server that listens on `host`. */
function pathsTo(host: string, choice: InterfaceChoice | undefined): readonly NetworkPath[] {
  const paths = networkPaths(networkInterfaces(), choice ?? (isLoopback(host) ? 'loopback' : 'all'))
  if (host === '0.0.0.0') return paths.filter(({ family }) => family === 4)
  if (isWildcard(host) || isLoopback(host) || choice !== undefined) return paths
  const own = paths.filter(({ address }) => address.split('%')[0] === host)
  return own.length > 0 ? own : paths
}

function noInterface(): ExovisorError {
  return new ExovisorError(
    'EXO_HEALTH_CHECK_FAILED',
    'UDP discovery: no interface can be used, expected at least one that is up',
  )
}
