import { create } from '@bufbuild/protobuf'
import type { Clock } from '../concurrency/clock.ts'
import { ExovisorError, isExovisorError } from '../errors.ts'
import type { ResourceSelf } from '../resources/types.ts'
import { formatEndpoint, isWildcard, parseEndpoint } from './endpoint.ts'
import { type HandshakeOptions, shakeHands } from './handshake.ts'
import type { HeartbeatTiming } from './heartbeat.ts'
import type { CallOptions, NodeConnection } from './node-connection.ts'
import {
  type LinkStageRequest,
  type NodeDescription,
  type PlacedShard,
  type PlaceShardRequest,
  parseMessage,
  placeShardResponseSchema,
  type ReleaseShardRequest,
} from './node-messages.ts'
import { PeerMonitor } from './peer-monitor.ts'
import {
  LinkStageRequestSchema,
  PlaceShardRequestSchema,
  ReleaseShardRequestSchema,
} from './proto/generated/exovisor_pb.ts'
import { nodeMethods } from './service-definition.ts'

/** Loading layers takes its time. */
const PLACE_TIMEOUT_MS = 120_000

/** Calls to one other node. Each throws EXO_PEER_UNREACHABLE, EXO_PEER_TIMEOUT, EXO_ABORTED, or what the node reports. */
export interface PeerClient {
  readonly endpoint: string
  /** What the node said of itself last. */
  readonly description: NodeDescription
  /** Smoothed round trip in milliseconds; undefined until it is measured. */
  readonly roundTripMs: number | undefined
  /**
   * Asks the node who it is.
   * @throws EXO_PEER_REJECTED when it is not who it was; when it has restarted, this resource fails too
   */
  describe(options?: CallOptions): Promise<NodeDescription>
  /** Default limit: 120 s. */
  placeShard(request: PlaceShardRequest, options?: CallOptions): Promise<PlacedShard>
  /** Default limit of this and the next: 30 s. */
  linkStage(request: LinkStageRequest, options?: CallOptions): Promise<void>
  releaseShard(request: ReleaseShardRequest, options?: CallOptions): Promise<void>
}

/** What a {@link ConnectedPeer} needs. */
export interface ConnectedPeerOptions {
  readonly connection: NodeConnection
  readonly handshake: HandshakeOptions
  readonly description: NodeDescription
  readonly watch: HeartbeatTiming
  readonly clock: Clock
  readonly self: ResourceSelf
}

/** The {@link PeerClient} of a peer resource; it tells the resource when the peer goes down, comes back or restarts. */
export class ConnectedPeer implements PeerClient {
  readonly #connection: NodeConnection
  readonly #handshake: HandshakeOptions
  readonly #self: ResourceSelf
  readonly #monitor: PeerMonitor
  #description: NodeDescription

  constructor({ connection, handshake, description, watch, clock, self }: ConnectedPeerOptions) {
    this.#connection = connection
    this.#handshake = { ...handshake, id: description.nodeId }
    this.#description = description
    this.#self = self
    this.#monitor = new PeerMonitor({
      timing: watch,
      clock,
      spawn: self.spawn,
      probe: () => connection.checkHealth(),
      onLost: listener => connection.onLost(listener),
      down: error => self.degrade(error),
      up: async () => {
        await this.checkHealth()
        self.recovered()
      },
    })
    this.#monitor.start()
  }

  get endpoint(): string {
    return this.#connection.endpoint
  }

  get description(): NodeDescription {
    return this.#description
  }

  get roundTripMs(): number | undefined {
    return this.#monitor.roundTripMs
  }

  describe(options: CallOptions = {}): Promise<NodeDescription> {
    return this.#counted(() => this.#introduce(options))
  }

  placeShard(request: PlaceShardRequest, options?: CallOptions): Promise<PlacedShard> {
    return this.#counted(async () => {
      const message = create(PlaceShardRequestSchema, { ...request, epoch: BigInt(request.epoch) })
      const response = await this.#connection.call(nodeMethods.placeShard, message, {
        timeoutMs: PLACE_TIMEOUT_MS,
        ...options,
      })
      const shard = parseMessage(
        placeShardResponseSchema,
        response,
        `PlaceShard answer of ${this.endpoint}`,
        'EXO_PEER_REJECTED',
      )
      return { ...shard, tensorEndpoint: this.#reachable(shard.tensorEndpoint) }
    })
  }

  async linkStage(request: LinkStageRequest, options?: CallOptions): Promise<void> {
    const message = create(LinkStageRequestSchema, { ...request, epoch: BigInt(request.epoch) })
    await this.#counted(() => this.#connection.call(nodeMethods.linkStage, message, options))
  }

  async releaseShard(request: ReleaseShardRequest, options?: CallOptions): Promise<void> {
    const message = create(ReleaseShardRequestSchema, { ...request, epoch: BigInt(request.epoch) })
    await this.#counted(() => this.#connection.call(nodeMethods.releaseShard, message, options))
  }

  /** Asks whether the node serves, and whether it is still the same. */
  async checkHealth(options: CallOptions = {}): Promise<void> {
    await this.#connection.checkHealth(options)
    await this.#introduce(options)
  }

  /** Opens a new channel to the same node. */
  async recover(options: CallOptions): Promise<void> {
    await this.#monitor.during(async () => {
      this.#connection.reconnect()
      await this.checkHealth(options)
    })
  }

  close(): void {
    this.#monitor.stop()
    this.#connection.close()
  }

  async #introduce(options: CallOptions): Promise<NodeDescription> {
    const before = this.#description
    try {
      this.#description = await shakeHands(this.#connection, this.#handshake, options)
    } catch (error) {
      // Somebody else sits at the address now: no waiting will make this peer well again.
      if (isExovisorError(error, 'EXO_PEER_REJECTED')) this.#self.fail(error)
      throw error
    }
    if (this.#description.incarnation === before.incarnation) return this.#description
    const error = new ExovisorError(
      'EXO_PEER_UNREACHABLE',
      `node ${before.nodeId} at ${this.endpoint} has restarted: incarnation is ${this.#description.incarnation}, was ${before.incarnation}`,
    )
    this.#self.fail(error)
    throw error
  }

  async #counted<Value>(call: () => Promise<Value>): Promise<Value> {
    this.#self.send({ type: 'call.started' })
    try {
      return await call()
    } finally {
      this.#self.send({ type: 'call.ended' })
    }
  }

  // A node that listens on all interfaces cannot know which of its addresses we can reach; we do.
  #reachable(endpoint: string): string {
    const { host, port } = parseEndpoint(endpoint)
    return isWildcard(host) ? formatEndpoint({ host: parseEndpoint(this.endpoint).host, port }) : endpoint
  }
}
