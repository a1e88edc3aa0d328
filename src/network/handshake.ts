import { create } from '@bufbuild/protobuf'
import { ExovisorError } from '../errors.ts'
import { toDescriptionMessage } from './description-message.ts'
import type { IncarnationLedger } from './incarnation-ledger.ts'
import type { CallOptions, NodeConnection } from './node-connection.ts'
import { describeResponseSchema, type NodeDescription, parseMessage } from './node-messages.ts'
import { DescribeRequestSchema } from './proto/generated/exovisor_pb.ts'
import { nodeMethods } from './service-definition.ts'

/** Who is expected at the other end, and who asks. */
export interface HandshakeOptions {
  /** Node id that must answer; any if it is not known. */
  readonly id?: string
  /** This node. */
  readonly self: NodeDescription
  readonly ledger: IncarnationLedger
}

/**
 * Introduces this node to the other one, and checks who answers.
 *
 * @throws EXO_PEER_REJECTED when it is another node than expected, this node itself, of another namespace or
 *   protocol, or an earlier life of it; and what {@link NodeConnection.call} throws
 */
export async function shakeHands(
  connection: NodeConnection,
  options: HandshakeOptions,
  call: CallOptions,
): Promise<NodeDescription> {
  const { self, id, ledger } = options
  const request = create(DescribeRequestSchema, { node: toDescriptionMessage(self) })
  const response = await connection.call(nodeMethods.describe, request, call)
  const { node } = parseMessage(
    describeResponseSchema,
    response,
    `description of the node at ${connection.endpoint}`,
    'EXO_PEER_REJECTED',
  )
  const expect = (field: string, value: string | number, expected: string | number) => {
    if (value === expected) return
    throw new ExovisorError(
      'EXO_PEER_REJECTED',
      `node at ${connection.endpoint}: ${field} is ${value}, expected ${expected}`,
      {
        details: { endpoint: connection.endpoint, field, value, expected },
      },
    )
  }
  expect('protocol', node.protocol, self.protocol)
  expect('namespace', node.namespace, self.namespace)
  if (id !== undefined) expect('node id', node.nodeId, id)
  if (node.nodeId === self.nodeId)
    throw new ExovisorError(
      'EXO_PEER_REJECTED',
      `node at ${connection.endpoint}: node id is ${node.nodeId}, which is this node itself`,
    )
  ledger.see(node.nodeId, node.incarnation)
  return node
}
