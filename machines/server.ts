import { countedShape } from './counted.ts'
import { lifecycleMachine } from './lifecycle.ts'

/** The events of a server's own: one pair for each request. */
export type ServerEvent = { readonly type: 'request.started' } | { readonly type: 'request.ended' }

/** Anything that listens on a port: the HTTP API or the gRPC service of a node. */
export const server = lifecycleMachine(
  countedShape({
    id: 'server',
    description: 'Anything that listens on a port: the HTTP API or the gRPC service of a node.',
    starting: {
      initial: 'binding',
      states: { binding: { description: 'The server takes its port.' } },
    },
    idle: ['listening', 'The port is open and no request is under way.'],
    busy: ['serving', 'At least one request is being answered.'],
    began: 'request.started',
    ended: 'request.ended',
  }),
)
