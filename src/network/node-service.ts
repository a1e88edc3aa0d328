import { create } from '@bufbuild/protobuf'
import {
  type handleUnaryCall,
  Server,
  ServerInterceptingCall,
  type ServerInterceptor,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { HealthImplementation } from 'grpc-health-check'
import type { z } from 'zod'
import { ExovisorError } from '../errors.ts'
import { ServerConnections, shutDown } from './connections.ts'
import { toDescriptionMessage } from './description-message.ts'
import { formatEndpoint } from './endpoint.ts'
import { showsKey } from './key.ts'
import { bindServer, type ListenOptions } from './listen.ts'
import {
  describeRequestSchema,
  type LinkStageRequest,
  linkStageRequestSchema,
  type NodeDescription,
  type PlacedShard,
  type PlaceShardRequest,
  parseMessage,
  placeShardRequestSchema,
  type ReleaseShardRequest,
  releaseShardRequestSchema,
} from './node-messages.ts'
import {
  DescribeResponseSchema,
  LinkStageResponseSchema,
  PlaceShardResponseSchema,
  ReleaseShardResponseSchema,
} from './proto/generated/exovisor_pb.ts'
import { MAX_CONTROL_BYTES, NODE_SERVICE, nodeMethods } from './service-definition.ts'
import { toStatus } from './status.ts'

/** What a node does for its peers. Requests are checked before they get here; what is thrown travels back with its code. */
export interface NodeHandlers {
  /** @param caller what the asking node says of itself, if it does */
  describe(caller?: NodeDescription): NodeDescription
  /** The signal is aborted when the caller has given up. */
  placeShard(request: PlaceShardRequest, context: { readonly signal: AbortSignal }): Promise<PlacedShard>
  linkStage(request: LinkStageRequest, context: { readonly signal: AbortSignal }): Promise<void>
  releaseShard(request: ReleaseShardRequest, context: { readonly signal: AbortSignal }): Promise<void>
}

/** What a running node service needs. */
export interface NodeServiceOptions extends ListenOptions {
  readonly handlers: NodeHandlers
  /** Told of each request that begins and ends. */
  onRequest?(phase: 'started' | 'ended'): void
}

/** A node service that listens. */
export interface NodeService {
  readonly endpoint: string
  readonly host: string
  readonly port: number
  /** Answers health checks with NOT_SERVING, lets calls under way end until the signal is aborted, then closes. */
  close(signal: AbortSignal): Promise<void>
}

const MAX_STREAMS = 256

/**
 * Listens for calls of other nodes, and for `grpc.health.v1`.
 *
 * @throws EXO_PORT_IN_USE; EXO_PUBLIC_BIND_REFUSED; EXO_CONFIG_INVALID for an address that cannot be used
 */
export async function startNodeService(options: NodeServiceOptions): Promise<NodeService> {
  const server = new Server({
    'grpc.max_receive_message_length': MAX_CONTROL_BYTES,
    'grpc.max_send_message_length': MAX_CONTROL_BYTES,
    'grpc.max_concurrent_streams': MAX_STREAMS,
    'grpc.enable_channelz': 0,
    interceptors: [keyInterceptor(options)],
  })
  server.addService(nodeMethods, implementation(options))
  const health = new HealthImplementation({ '': 'SERVING', [NODE_SERVICE]: 'SERVING' })
  health.addToServer(server)
  const port = await bindServer(server, options)
  const connections = new ServerConnections(server)
  return {
    endpoint: formatEndpoint({ host: options.host, port }),
    host: options.host,
    port,
    close: signal => {
      health.setStatus('', 'NOT_SERVING')
      health.setStatus(NODE_SERVICE, 'NOT_SERVING')
      return shutDown(server, connections, signal)
    },
  }
}

function implementation(options: NodeServiceOptions): UntypedServiceImplementation {
  const { handlers } = options
  return {
    describe: unary(options, 'Describe', describeRequestSchema, ({ node }) =>
      create(DescribeResponseSchema, { node: toDescriptionMessage(handlers.describe(node)) }),
    ),
    placeShard: unary(options, 'PlaceShard', placeShardRequestSchema, async (request, context) => {
      const { incarnation, ...placed } = await handlers.placeShard(request, context)
      return create(PlaceShardResponseSchema, { ...placed, incarnation: BigInt(incarnation) })
    }),
    linkStage: unary(options, 'LinkStage', linkStageRequestSchema, async (request, context) => {
      await handlers.linkStage(request, context)
      return create(LinkStageResponseSchema)
    }),
    releaseShard: unary(options, 'ReleaseShard', releaseShardRequestSchema, async (request, context) => {
      await handlers.releaseShard(request, context)
      return create(ReleaseShardResponseSchema)
    }),
  }
}

function unary<Request, Response>(
  { name, onRequest }: NodeServiceOptions,
  method: string,
  schema: z.ZodType<Request>,
  answer: (request: Request, context: { readonly signal: AbortSignal }) => Response | Promise<Response>,
): handleUnaryCall<unknown, Response> {
  return (call, callback) => {
    const controller = new AbortController()
    call.on('cancelled', () =>
      controller.abort(
        new ExovisorError('EXO_ABORTED', `the caller of ${method} at ${call.getPeer()} gave up`),
      ),
    )
    onRequest?.('started')
    const run = async () =>
      answer(
        parseMessage(schema, call.request, `${method} request to ${name}`, 'EXO_REQUEST_INVALID'),
        controller,
      )
    void run()
      .then(
        response => callback(null, response),
        (error: unknown) => callback(toStatus(error)),
      )
      .finally(() => onRequest?.('ended'))
  }
}

// Before any message is read, and for the health service too.
function keyInterceptor({ key, name }: ListenOptions): ServerInterceptor {
  return (_method, call) =>
    new ServerInterceptingCall(call, {
      start: next =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            if (showsKey(metadata, key)) pass(metadata)
            else
              call.sendStatus(
                toStatus(
                  new ExovisorError(
                    'EXO_PEER_REJECTED',
                    `server ${name}: the key is missing or wrong, expected authorization: Bearer KEY`,
                  ),
                ),
              )
          },
        }),
    })
}
