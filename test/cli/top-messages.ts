import type { ActorRow, ViewMessage } from '../../src/observe/view/messages.ts'

/** The moment of all pictures, in milliseconds since 1970. */
export const now = 1_800_000_000_000

export function row(path: string, differs: Partial<ActorRow> = {}): ActorRow {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return {
    path,
    parent: path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '',
    name,
    displayName: name,
    kind: 'worker',
    state: 'READY',
    incarnation: 1,
    restarts: 0,
    since: now - 7_500_000,
    suspended: false,
    ...differs,
  }
}

const rows = [
  row('node', { kind: 'supervisor' }),
  row('node/server', { kind: 'server' }),
  row('node/peers', { kind: 'supervisor' }),
  row('node/inference', {
    kind: 'inference',
    state: 'INITIALIZING',
    incarnation: 3,
    restarts: 2,
    since: now - 400,
    error: 'EXO_ENGINE_DIED',
  }),
  row('node/peers/peer:loft', { kind: 'peer', since: now - 61_000 }),
  row('node/peers/peer:cellar', {
    kind: 'peer',
    state: 'DEGRADED',
    since: now - 12_000,
    error: 'EXO_PEER_TIMEOUT',
  }),
  row('node/api', { kind: 'server', suspended: true }),
]

/** What a node with two peers says when its engine has just died. */
export const messages: readonly ViewMessage[] = [
  {
    type: 'hello',
    version: 1,
    node: { name: 'attic', id: 'a1', pid: 4242, version: '0.1.0' },
    startedAt: now - 7_500_000,
    model: { name: 'builtin', chat: true },
    machines: {},
  },
  { type: 'rows', rows: rows.slice(0, 4), last: false },
  { type: 'rows', rows: rows.slice(4), last: true },
  {
    type: 'figures',
    samples: [
      {
        time: now,
        tokensPerSecond: 41.27,
        timeToFirstToken: 118.4,
        running: 2,
        waiting: 1,
        restarts: 2,
        eventLoopDelay: 11.04,
        memory: 180 * 2 ** 20,
        processes: { 'node/inference': 310 * 2 ** 20 },
      },
    ],
  },
  {
    type: 'cluster',
    cluster: {
      nodes: [
        { id: 'a1', name: 'attic', self: true, state: 'READY' },
        { id: 'b2', name: 'loft', state: 'READY', latency: 0.84 },
        { id: 'c3', name: 'cellar', state: 'DEGRADED', latency: 212 },
      ],
      placement: {
        epoch: 3,
        stages: [
          { node: 'a1', layers: [0, 5], predicted: 4, measured: 4.31 },
          { node: 'b2', layers: [5, 10], predicted: 5.5 },
        ],
      },
    },
  },
]
