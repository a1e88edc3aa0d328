import {
  type ChannelOptions,
  type handleBidiStreamingCall,
  Metadata,
  type ServiceDefinition,
} from '@grpc/grpc-js'
import { ExovisorError } from '../errors.ts'
import { FRAME_HEADER_BYTES } from './frame-codec.ts'

const identity = (bytes: Buffer): Buffer => bytes

/** Path of the stream of frames; its messages are opaque to gRPC. */
export const TENSOR_PATH = '/exovisor.v1.TensorService/Exchange'

/** The service as grpc-js wants it: bytes in, bytes out. */
export const tensorService = {
  exchange: {
    path: TENSOR_PATH,
    requestStream: true,
    responseStream: true,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  },
} as const satisfies ServiceDefinition<{ exchange: handleBidiStreamingCall<Buffer, Buffer> }>

/** Serialiser of both directions. */
export const tensorCodec = identity

/** What both ends of a tensor channel set. Retries would keep every message of a stream in memory. */
export function tensorChannelOptions(maxPayloadBytes: number): ChannelOptions {
  const maxMessage = maxPayloadBytes + FRAME_HEADER_BYTES
  // No keepalive of HTTP/2: the heartbeat of the link judges within a second, and makes allowance for its own busy
  // loop, which a plain timer would take for a dead neighbour.
  return {
    'grpc.enable_retries': 0,
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': maxMessage,
    'grpc.max_send_message_length': maxMessage,
  }
}

/** The error for a stream that ended without being asked to. */
export function streamLost(peer: string, why: string, cause?: unknown): ExovisorError {
  return new ExovisorError('EXO_STREAM_CLOSED', `link to ${peer}: ${why}`, { cause, details: { peer } })
}

/** Metadata without entries: sent at once by the server, so that a dialler knows that it was let in. */
export const welcome = (): Metadata => new Metadata()
