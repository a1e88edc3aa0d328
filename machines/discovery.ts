import { lifecycleMachine } from './lifecycle.ts'
import { neighbourShape, type PeersChanged } from './neighbours.ts'

/** The events of a discovery service's own. */
export type DiscoveryMachineEvent = PeersChanged

/** A source of news about other nodes: announcements on the network, or a list in a file. */
export const discovery = lifecycleMachine(
  neighbourShape({
    id: 'discovery',
    description: 'A source of news about other nodes: announcements on the network, or a list in a file.',
    starting: {
      initial: 'opening',
      states: {
        opening: { description: 'The socket or the file that the news comes from is being opened.' },
      },
    },
    without: ['quiet', 'No other node has been heard of.'],
    some: ['tracking', 'At least one other node is known, and its signs of life are watched.'],
  }),
)
