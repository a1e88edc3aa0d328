import {
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import type { MethodDefinition } from '@grpc/grpc-js'
import { NodeService } from './proto/generated/exovisor_pb.ts'

/** Name of the service of a node, as health checks ask for it. */
export const NODE_SERVICE = NodeService.typeName

/** Largest message of the calls between nodes, in bytes. */
export const MAX_CONTROL_BYTES = 4 << 20

/** The methods of a node as grpc-js wants them. */
export const nodeMethods = {
  describe: definition(NodeService.method.describe),
  placeShard: definition(NodeService.method.placeShard),
  linkStage: definition(NodeService.method.linkStage),
  releaseShard: definition(NodeService.method.releaseShard),
}

function definition<In extends DescMessage, Out extends DescMessage>(
  method: DescMethodUnary<In, Out>,
): MethodDefinition<MessageShape<In>, MessageShape<Out>> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: message => Buffer.from(toBinary(method.input, message)),
    requestDeserialize: bytes => fromBinary(method.input, bytes),
    responseSerialize: message => Buffer.from(toBinary(method.output, message)),
    responseDeserialize: bytes => fromBinary(method.output, bytes),
  }
}
