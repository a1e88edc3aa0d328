import { Client, type ClientDuplexStream, credentials, type ServiceError } from '@grpc/grpc-js'
import { type Clock, realClock } from '../concurrency/clock.ts'
import { watchLimits } from '../concurrency/wait.ts'
import { ExovisorError } from '../errors.ts'
import { ClientTransport } from './client-transport.ts'
import { parseEndpoint } from './endpoint.ts'
import { defaultFrameLimits, type FrameLimits } from './frame-codec.ts'
import { defaultHeartbeat, type HeartbeatTiming } from './heartbeat.ts'
import { keyMetadata } from './key.ts'
import { defaultOutboxLimits, type OutboxLimits } from './outbox.ts'
import { TENSOR_WINDOW_BYTES } from './receive-window.ts'
import { fromServiceError } from './status.ts'
import { StreamLink } from './stream-link.ts'
import type { TensorLink } from './tensor-link.ts'
import { TENSOR_PATH, tensorChannelOptions, tensorCodec } from './tensor-service.ts'

/** How to reach a neighbour's tensor server. */
export interface DialOptions {
  /** `host:port` */
  readonly endpoint: string
  /** Secret to show. */
  readonly key?: string
  /** Gives the connecting up; has no effect on a link that is open. */
  readonly signal?: AbortSignal
  /** Milliseconds. Default 5000. */
  readonly connectTimeoutMs?: number
  /** Default {@link defaultHeartbeat}. */
  readonly heartbeat?: HeartbeatTiming
  /** Default {@link realClock}. */
  readonly clock?: Clock
  readonly frameLimits?: FrameLimits
  readonly outboxLimits?: OutboxLimits
}

/**
 * Connects to a neighbour and waits until it has let us in.
 *
 * @throws EXO_PEER_UNREACHABLE when nobody answers in time; EXO_PEER_REJECTED for a wrong key; EXO_ABORTED;
 *   EXO_REQUEST_INVALID for an endpoint that is none
 */
export async function dialTensors(options: DialOptions): Promise<TensorLink> {
  const { endpoint, key, clock = realClock, frameLimits = defaultFrameLimits } = options
  parseEndpoint(endpoint)
  const client = new Client(endpoint, credentials.createInsecure(), {
    ...tensorChannelOptions(frameLimits.maxPayloadBytes),
    'grpc-node.flow_control_window': TENSOR_WINDOW_BYTES,
    // A connection of its own: links share neither window nor fate.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
  })
  const call = client.makeBidiStreamRequest(TENSOR_PATH, tensorCodec, tensorCodec, keyMetadata(key))
  try {
    await letIn(call, options, clock)
  } catch (error) {
    call.cancel()
    client.close()
    throw error
  }
  return new StreamLink({
    transport: new ClientTransport(call, client, endpoint),
    clock,
    heartbeat: options.heartbeat ?? defaultHeartbeat,
    frameLimits,
    outboxLimits: options.outboxLimits ?? defaultOutboxLimits,
  })
}

function letIn(call: ClientDuplexStream<Buffer, Buffer>, options: DialOptions, clock: Clock): Promise<void> {
  const { endpoint, connectTimeoutMs = 5_000, signal } = options
  return new Promise((resolve, reject) => {
    const stop = watchLimits(
      clock,
      { timeout: connectTimeoutMs, ...(signal && { signal }) },
      {
        timeout: () =>
          reject(
            new ExovisorError(
              'EXO_PEER_UNREACHABLE',
              `tensor stream to ${endpoint}: no answer in ${connectTimeoutMs} ms`,
            ),
          ),
        abort: cause =>
          reject(
            new ExovisorError('EXO_ABORTED', `tensor stream to ${endpoint}: connecting was given up`, {
              cause,
            }),
          ),
      },
    )
    // A listener stays on for good: an error event that nobody hears would end the process.
    call.on('error', (error: ServiceError) => {
      stop()
      reject(fromServiceError(error, `tensor stream to ${endpoint}`))
    })
    call.once('metadata', () => {
      stop()
      resolve()
    })
  })
}
