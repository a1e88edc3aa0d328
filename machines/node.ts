import { lifecycleMachine } from './lifecycle.ts'
import { neighbourShape, type PeersChanged } from './neighbours.ts'

/** The events of a node's own. */
export type NodeEvent = PeersChanged

/** One whole node: its servers, its discovery, its engine and its peers, as one resource. */
export const node = lifecycleMachine(
  neighbourShape({
    id: 'node',
    description: 'One whole node: its servers, its discovery, its engine and its peers, as one resource.',
    starting: {
      initial: 'assembling',
      states: { assembling: { description: 'The parts of the node start one after the other.' } },
    },
    without: ['alone', 'No other node is connected, so this node computes every layer itself.'],
    some: ['pooled', 'At least one other node is connected, so layers can be spread over several machines.'],
  }),
)
