import { machines } from '../../../machines/index.ts'
import type { LifecycleState } from '../../../machines/lifecycle.ts'
import type {
  ActorDetail,
  ActorRow,
  ClusterView,
  FiguresSample,
  JournalLine,
  TraceLine,
  ViewerMessage,
  ViewMessage,
} from '../../../src/observe/view/messages.ts'
import { defaultPolicy } from '../../../src/supervision/policy.ts'
import type { SupervisionEvent } from '../../../src/supervision/types.ts'

/** The moment of all that is recorded here: so pictures of it differ only where the page does. */
export const NOW = Date.UTC(2026, 4, 4, 9, 30)
const MINUTE = 60_000

export function row(path: string, fields: Partial<ActorRow> = {}): ActorRow {
  const slash = path.lastIndexOf('/')
  const name = path.slice(slash + 1)
  return {
    path,
    parent: slash < 0 ? '' : path.slice(0, slash),
    name,
    displayName: name,
    kind: name.split(':')[0] ?? name,
    state: 'READY',
    incarnation: 1,
    restarts: 0,
    since: NOW - 84 * MINUTE,
    suspended: false,
    ...fields,
  }
}

/** A node with three peers, of which one has trouble. */
export const rows: readonly ActorRow[] = [
  row('node', { kind: 'node' }),
  row('node/server', { kind: 'server' }),
  row('node/api', { kind: 'server' }),
  row('node/console', { kind: 'console' }),
  row('node/monitor', { kind: 'monitor' }),
  row('node/discovery:udp', { kind: 'discovery', displayName: 'discovery by UDP on 239.255.77.77' }),
  row('node/discovery:manual', { kind: 'discovery', state: 'CLOSED', since: NOW - 80 * MINUTE }),
  row('node/inference', {
    kind: 'inference',
    displayName: 'builtin, layers 0–1',
    incarnation: 3,
    restarts: 2,
    since: NOW - 4 * MINUTE - 12_000,
    error: 'EXO_ENGINE_DIED',
  }),
  row('node/peers', { kind: 'supervisor' }),
  row('node/peers/peer:attic', { kind: 'peer', restarts: 1, incarnation: 2, since: NOW - 31 * MINUTE }),
  row('node/peers/peer:attic/connections', { kind: 'pool' }),
  row('node/peers/peer:cellar', {
    kind: 'peer',
    state: 'DEGRADED',
    since: NOW - 7_400,
    error: 'EXO_PEER_UNREACHABLE',
  }),
  row('node/peers/peer:cellar/connections', { kind: 'pool', state: 'DEGRADED', since: NOW - 7_100 }),
  row('node/peers/peer:garage', {
    kind: 'peer',
    state: 'ERROR',
    incarnation: 5,
    restarts: 4,
    since: NOW - 1_900,
    error: 'EXO_PEER_UNREACHABLE',
  }),
  row('node/peers/peer:garage/connections', { kind: 'pool', state: 'INITIALIZING', since: NOW - 300 }),
]

const cluster: ClusterView = {
  nodes: [
    { id: 'n1', name: 'desk', self: true, state: 'READY' },
    { id: 'n2', name: 'attic', state: 'READY', latency: 1.84 },
    { id: 'n3', name: 'cellar', state: 'DEGRADED', latency: 46.2 },
    { id: 'n4', name: 'garage', state: 'ERROR' },
  ],
  placement: {
    epoch: 3,
    stages: [
      { node: 'desk', layers: [0, 2], predicted: 1.9, measured: 2.31 },
      { node: 'attic', layers: [2, 5], predicted: 3.4, measured: 3.12 },
      { node: 'cellar', layers: [5, 6], predicted: 2.2 },
    ],
  },
}

const window = { used: 2, limit: 5, within: 300_000 }

function event(
  type: SupervisionEvent['type'],
  ago: number,
  more: Partial<SupervisionEvent> = {},
): SupervisionEvent {
  return {
    type,
    at: NOW - ago,
    supervisor: 'node',
    name: 'inference',
    kind: 'inference',
    incarnation: 2,
    attempt: 1,
    window,
    ...more,
  }
}

const crash = {
  error: {
    code: 'EXO_ENGINE_DIED',
    message: 'engine process 40217 ended with SIGKILL in the middle of step 118',
  },
  causes: [
    { message: 'the channel to process 40217 is closed' },
    { code: 'ECONNRESET', message: 'read ECONNRESET' },
  ],
} as const

/** The life of one engine that was killed, oldest first. */
const events: readonly SupervisionEvent[] = [
  event('started', 84 * MINUTE, { incarnation: 1, attempt: 0 }),
  event('ready', 84 * MINUTE - 900, { incarnation: 1, attempt: 0 }),
  event('degraded', 12 * MINUTE, { incarnation: 1, reason: '3 of 5 health checks failed' }),
  event('soft_restart', 11 * MINUTE, { incarnation: 1, count: 1 }),
  event('recovered', 11 * MINUTE - 400, { incarnation: 1 }),
  event('failed', 4 * MINUTE + 13_000, { ...crash, directive: 'restart' }),
  event('child_terminated', 4 * MINUTE + 12_990),
  event('backoff_scheduled', 4 * MINUTE + 12_980, { delay: 340 }),
  event('started', 4 * MINUTE + 12_640, { incarnation: 3 }),
  event('restarted', 4 * MINUTE + 12_000, { incarnation: 3 }),
]

/** The machine of each kind that has one of its own. */
const machineOf = (kind: string) => (Object.hasOwn(machines, kind) ? kind : 'lifecycle')

const inside: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(machines).flatMap(([name, { config }]) => {
    const working = config.states?.['READY'] as { readonly initial?: unknown } | undefined
    return typeof working?.initial === 'string' ? [[name, working.initial] as const] : []
  }),
)

function stateValue(machine: string, state: LifecycleState): unknown {
  const inner = inside[machine]
  return inner !== undefined && (state === 'READY' || state === 'DEGRADED') ? { [state]: inner } : state
}

export function detail(of: ActorRow, more: Partial<ActorDetail> = {}): ActorDetail {
  const machine = machineOf(of.kind)
  const isEngine = of.kind === 'inference'
  return {
    row: of,
    machine,
    value: stateValue(machine, of.state),
    ...(of.parent !== '' && {
      spec: {
        id: of.name,
        kind: of.kind,
        displayName: of.displayName,
        start: true,
        restart: 'permanent',
        shutdown: 5_000,
        significant: false,
        dependsOn: isEngine ? ['server'] : [],
        after: [],
        requires: [],
        policy: isEngine ? 'engine' : null,
        resolved: defaultPolicy,
        mailbox: { capacity: 1_000, onFull: 'reject' } as never,
      },
      window,
      attempt: 0,
      circuit: 'closed',
    }),
    mailbox: { waiting: isEngine ? 120 : 0, deadLetters: isEngine ? 3 : 0, lateAnswers: 0 },
    ...(of.error !== undefined && {
      lastError: {
        code: of.error as never,
        message: isEngine ? crash.error.message : `${of.name}: no heartbeat for 1.2 s`,
        causes: crash.causes.map(cause => cause.message),
      },
    }),
    ...(isEngine && { lastHealth: { at: 5_012, ok: true, failed: 1, of: 5 } }),
    lastTransition: {
      path: of.path,
      incarnation: of.incarnation,
      time: of.since,
      event: 'initialized',
      from: 'INITIALIZING',
      to: stateValue(machine, 'READY'),
    },
    history: isEngine ? events : [],
    ...more,
  }
}

const trace: readonly TraceLine[] = [
  { time: NOW - 4_000, type: 'delivered', from: 'node/api', text: '{ prompt: "What is a …" }' },
  { time: NOW - 3_900, type: 'handled', text: '{ prompt }' },
  { time: NOW - 3_200, type: 'delivered', from: 'node/peers/peer:attic', text: 'layers' },
  { time: NOW - 3_150, type: 'answered', from: 'node/peers/peer:attic', text: '[2, 5]' },
  { time: NOW - 900, type: 'delivered', text: '{ health }' },
  {
    time: NOW - 880,
    type: 'failed',
    text: '{ health }',
    error: { code: 'EXO_ASK_TIMEOUT', message: 'no answer within 1 s' },
  },
]

/** Three minutes of figures, with two answers in them. */
const figures: readonly FiguresSample[] = Array.from({ length: 180 }, (_, second) => {
  const isBusy = (second > 30 && second < 75) || (second > 110 && second < 160)
  const wave = Math.sin(second / 4) * 3 + Math.sin(second * 1.7) * 1.4
  return {
    time: NOW - (180 - second) * 1_000,
    tokensPerSecond: isBusy ? 41 + wave : 0,
    ...(second > 31 && { timeToFirstToken: second < 112 ? 38 : 52 }),
    running: isBusy ? 1 + (second % 20 > 12 ? 1 : 0) : 0,
    waiting: second > 130 && second < 150 ? 2 : 0,
    restarts: second > 120 ? 7 : 5,
    eventLoopDelay: 1.6 + Math.abs(wave) * (isBusy ? 0.9 : 0.1),
    memory: 131e6 + second * 3e4,
    processes: { 'node/inference': 188e6 + (isBusy ? 9e6 : 0) },
  }
})

/** A journal in which the tree comes up, an engine fails and comes back. */
export function journal(): readonly JournalLine[] {
  const engine = (
    state: LifecycleState,
    ago: number,
    more: Partial<ActorRow> = {},
  ): JournalLine['event'] => ({
    type: 'rows',
    changed: [row('node/inference', { kind: 'inference', state, since: NOW - ago, ...more })],
    removed: [],
  })
  const happened: (readonly [ago: number, event: JournalLine['event']])[] = [
    [84 * MINUTE + 900, { type: 'rows', changed: rows.map(early), removed: [] }],
    [
      84 * MINUTE,
      { type: 'rows', changed: rows.filter(one => one.kind !== 'inference').map(steady), removed: [] },
    ],
  ]
  for (const one of events) {
    happened.push([NOW - one.at, one])
    const state = stateAfter[one.type]
    if (state)
      happened.push([
        NOW - one.at,
        engine(state, NOW - one.at, { incarnation: one.incarnation, restarts: one.incarnation - 1 }),
      ])
  }
  happened.push([1_900, { type: 'rows', changed: rows, removed: [] }])
  return happened.map(([ago, event], index) => ({ sequence: index + 1, time: NOW - ago, event }))
}

const early = (of: ActorRow): ActorRow => ({
  ...of,
  state: 'INITIALIZING',
  restarts: 0,
  incarnation: 1,
  since: NOW - 84 * MINUTE,
})
const steady = (of: ActorRow): ActorRow => ({
  ...of,
  state: 'READY',
  restarts: 0,
  incarnation: 1,
  since: NOW - 84 * MINUTE,
})

const stateAfter: Partial<Record<SupervisionEvent['type'], LifecycleState>> = {
  started: 'INITIALIZING',
  ready: 'READY',
  degraded: 'DEGRADED',
  recovered: 'READY',
  failed: 'ERROR',
  child_terminated: 'CLOSED',
  restarted: 'READY',
}

/** What a page gets when it connects. */
export function greeting(all: readonly ActorRow[] = rows): readonly ViewMessage[] {
  return [
    {
      type: 'hello',
      version: 1,
      node: { name: 'desk', id: 'n1', pid: 40_211, version: '0.1.0' },
      startedAt: NOW - 84 * MINUTE,
      model: { name: 'builtin', chat: true },
      machines: JSON.parse(
        JSON.stringify(
          Object.fromEntries(Object.entries(machines).map(([name, { config }]) => [name, config])),
        ),
      ),
    },
    { type: 'rows', rows: all, last: true },
    { type: 'cluster', cluster },
    { type: 'figures', samples: figures },
  ]
}

/** Answers a page as a node does. */
export function answers(all: readonly ActorRow[] = rows) {
  return (message: ViewerMessage): readonly ViewMessage[] => {
    switch (message.type) {
      case 'watch':
        return message.paths.flatMap((path): ViewMessage[] => {
          const found = all.find(one => one.path === path)
          if (!found) return []
          const traced = path === 'node/inference' ? [{ type: 'trace' as const, path, events: trace }] : []
          return [{ type: 'detail', detail: detail(found) }, ...traced]
        })
      case 'journal':
        return [{ type: 'journal', lines: journal(), dropped: 0 }]
      case 'command':
        return [{ type: 'answer', id: message.id, result: {} }]
    }
  }
}

const stages = (names: readonly string[]) =>
  names.map((node, index) => ({
    node,
    pid: 40_211 + index,
    enginePid: 40_300 + index,
    layers: [index * 2, index * 2 + 2],
    ...(index === 0 && { entry: true }),
  }))

const words = (text: string) => text.match(/\s?\S+/g) ?? []

/** An answer that survives the end of a node. */
export const chat: readonly unknown[] = [
  { type: 'placement', epoch: 3, stages: stages(['desk', 'attic', 'garage']) },
  ...words('A supervisor watches its children, and restarts the ones that are DEGRADED or in').map(
    (text, index) => ({
      type: 'token',
      position: 9 + index,
      id: 40 + index,
      text,
    }),
  ),
  { type: 'failover', epoch: 4, gapMs: 412, reason: 'stage 3 on garage: the stream has ended' },
  { type: 'placement', epoch: 4, stages: stages(['desk', 'attic', 'cellar']) },
  ...words(' ERROR by a policy that stands in the configuration.').map((text, index) => ({
    type: 'token',
    position: 24 + index,
    id: 90 + index,
    text,
  })),
  {
    type: 'done',
    promptIds: [],
    tokenIds: [],
    text: '',
    finishReason: 'stop',
    stats: { ttftMs: 38, decodeTokensPerSecond: 41, prefillTokensPerSecond: 200 },
  },
]
