import { countedShape } from './counted.ts'
import { lifecycleMachine } from './lifecycle.ts'

/** The events of a peer's own: one pair for each call. */
export type PeerEvent = { readonly type: 'call.started' } | { readonly type: 'call.ended' }

/** The connection to one other node. */
export const peer = lifecycleMachine(
  countedShape({
    id: 'peer',
    description: 'The connection to one other node of the cluster.',
    starting: {
      initial: 'connecting',
      states: {
        connecting: {
          description: 'The channel to the other node opens and both nodes introduce themselves.',
        },
      },
    },
    idle: ['idle', 'The connection is up and no call is under way.'],
    busy: ['calling', 'At least one call to the other node waits for its answer.'],
    began: 'call.started',
    ended: 'call.ended',
  }),
)
