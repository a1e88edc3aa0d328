import type { MethodDefinition } from '@grpc/grpc-js'
import { service as healthService } from 'grpc-health-check'
import { ExovisorError } from '../errors.ts'
import { type CallOptions, Channel, type ChannelTarget, type UnaryMethod } from './channel.ts'
import { NODE_SERVICE } from './service-definition.ts'

export type { CallOptions } from './channel.ts'

const HEALTH_TIMEOUT_MS = 5_000

const health = healthService['Check'] as MethodDefinition<{ service: string }, { status: string }>

/** The way to the service of one node: a channel that can be replaced. */
export class NodeConnection {
  readonly endpoint: string
  readonly #target: ChannelTarget
  #channel: Channel

  /** @throws EXO_REQUEST_INVALID for an endpoint that is none. Nothing is sent yet. */
  constructor(target: ChannelTarget) {
    this.#target = target
    this.endpoint = target.endpoint
    this.#channel = new Channel(target)
  }

  /** One call; see {@link Channel.call}. */
  call<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    options?: CallOptions,
  ): Promise<Response> {
    return this.#channel.call(method, request, options)
  }

  /** @throws EXO_HEALTH_CHECK_FAILED when the node answers that it does not serve; and what {@link call} throws */
  async checkHealth(options: CallOptions = {}): Promise<void> {
    const { status } = await this.call(
      health,
      { service: NODE_SERVICE },
      { timeoutMs: HEALTH_TIMEOUT_MS, ...options },
    )
    if (status !== 'SERVING')
      throw new ExovisorError(
        'EXO_HEALTH_CHECK_FAILED',
        `node at ${this.endpoint}: health is ${String(status)}, expected SERVING`,
      )
  }

  /** Tells once when the connection that is up now is lost. A connection that is not up counts as lost. */
  onLost(listener: () => void): void {
    this.#channel.onLost(listener)
  }

  /** Drops the channel and opens another: calls under way fail with EXO_PEER_UNREACHABLE. */
  reconnect(): void {
    this.close()
    this.#channel = new Channel(this.#target)
  }

  /** Drops the channel: calls under way fail with EXO_PEER_UNREACHABLE. */
  close(): void {
    this.#channel.close()
  }
}
