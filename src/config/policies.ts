import type { PolicyInput } from './schema.ts'

/** A policy that every node knows, with the sentence that documents it. */
interface BuiltinPolicy {
  /** One sentence: for what, and why these numbers. */
  readonly description: string
  /** What it says, in the form of the configuration file. All but `default` hold only what differs from `default`. */
  readonly policy: PolicyInput
}

/**
 * The policies that need no configuration. An entry of the same name in `supervision.policies` changes the keys
 * that it gives and leaves the others. Each can be given up on: even when every start takes its whole startTimeout
 * and every delay is as long as it can be, one restart too many still falls within `intensity.within`.
 */
export const builtinPolicies = {
  default: {
    description:
      'restarts a child after any end, five times within five minutes, with delays from 200 ms to 30 s',
    policy: {
      restart: 'permanent',
      on: ['DEGRADED', 'ERROR'],
      degraded: { after: '3 of 5', grace: '10s', soft: 2 },
      backoff: { initial: '200ms', factor: 2, max: '30s', jitter: 'full', resetAfter: '1m' },
      intensity: { restarts: 5, within: '5m' },
      decide: {},
      circuit: 'off',
      startTimeout: '30s',
      shutdown: '5s',
      probe: { interval: '10s', timeout: '1s' },
    },
  },
  network: {
    description:
      'for peers and discovery: tries a silent peer again for minutes, so slowly that the supervisors above it stay up',
    policy: {
      // Equal jitter takes at most half of a delay away, so a peer that refuses every connection uses up its restarts
      // in 381 s at the earliest: too slow to exhaust the five restarts in five minutes of the supervisor above.
      backoff: { jitter: 'equal' },
      intensity: { restarts: 20, within: '15m' },
      startTimeout: '10s',
      probe: { interval: '5s', timeout: '2s' },
    },
  },
  engine: {
    description:
      'for inference engines: allows two minutes to load a model, has no soft restart, and restarts a dead engine at once, a hundred times',
    policy: {
      degraded: { after: '2 of 3', grace: '5s', soft: 0 },
      backoff: { initial: '50ms', max: '2s', resetAfter: '10s' },
      intensity: { restarts: 100, within: '4h' },
      startTimeout: '2m',
      probe: { interval: '5s', timeout: '2s' },
    },
  },
  server: {
    description:
      'for the HTTP and gRPC servers: gives up within two minutes when the port stays taken, and lets calls drain for ten seconds',
    policy: {
      backoff: { initial: '100ms', max: '5s' },
      intensity: { restarts: 5, within: '2m' },
      startTimeout: '10s',
      shutdown: '10s',
    },
  },
  supervisor: {
    description:
      'for supervisors: their children have time limits of their own, so starting and closing have none',
    policy: { startTimeout: 'infinity', shutdown: 'infinity' },
  },
} as const satisfies Readonly<Record<string, BuiltinPolicy>>

/** The kinds of resource that a node runs. */
export const resourceKinds = [
  'supervisor',
  'node',
  'peer',
  'discovery',
  'server',
  'inference',
  'control',
  'console',
  'inspector',
  'monitor',
] as const

/** Which policy a kind has when the configuration does not say otherwise; a kind not named here has `default`. */
export const builtinKinds: Readonly<Record<string, keyof typeof builtinPolicies>> = {
  peer: 'network',
  discovery: 'network',
  inference: 'engine',
  server: 'server',
  supervisor: 'supervisor',
}
