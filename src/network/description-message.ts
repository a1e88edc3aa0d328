import { create } from '@bufbuild/protobuf'
import type { NodeDescription } from './node-messages.ts'
import {
  type NodeDescription as NodeDescriptionMessage,
  NodeDescriptionSchema,
} from './proto/generated/exovisor_pb.ts'

/** What a node says of itself, as a message. */
export function toDescriptionMessage(node: NodeDescription): NodeDescriptionMessage {
  return create(NodeDescriptionSchema, {
    ...node,
    incarnation: BigInt(node.incarnation),
    memoryBytes: BigInt(Math.floor(node.memoryBytes)),
  })
}
