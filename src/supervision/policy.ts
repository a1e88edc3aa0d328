import type { ShutdownLimit } from '../resources/environment.ts'
import type { HealthPolicy } from '../resources/health.ts'

/** permanent: restarted after any end; transient: only after a failure; temporary: never. As in OTP. */
export type RestartType = 'permanent' | 'transient' | 'temporary'

/** How much of a delay is chance: nothing; all of it (0 to d); its second half (d/2 to d); or all, by the delay before. */
export type Jitter = 'none' | 'full' | 'equal' | 'decorrelated'

/**
 * What follows a fault: the child goes on as it is; it is restarted by its restart type; it stops for good; or its supervisor fails
 * with it. The words of Akka's and Pekko's deciders.
 */
export type Directive = 'resume' | 'restart' | 'stop' | 'escalate'

/** The delays between restarts. Times in milliseconds. */
export interface BackoffPolicy {
  readonly initial: number
  /** Does not count under `decorrelated`, where a delay lies between `initial` and three times the delay before. */
  readonly factor: number
  /** The longest delay, jitter included. */
  readonly max: number
  readonly jitter: Jitter
  /** After so long in READY without a break the delay starts from `initial` again. */
  readonly resetAfter: number
}

/** The restart intensity: the supervisor gives up at the first failure that comes after `restarts` restarts within `within` ms. */
export interface IntensityPolicy {
  readonly restarts: number
  readonly within: number
}

/** What a supervisor does with one child, and when. All times in milliseconds. */
export interface Policy {
  readonly restart: RestartType
  /** The states in which the supervisor acts. In others the child stays until somebody stops or restarts it. */
  readonly on: readonly ('DEGRADED' | 'ERROR')[]
  readonly degraded: {
    /** How many of how many health checks must fail before the child is DEGRADED. */
    readonly after: Pick<HealthPolicy, 'failures' | 'of'>
    /** How long a child may stay DEGRADED before the supervisor acts, and again after each soft restart that failed. */
    readonly grace: number
    /** How often the child may recover in place before it is restarted. */
    readonly soft: number
  }
  readonly backoff: BackoffPolicy
  readonly intensity: IntensityPolicy
  /** By error code, by name of an error class, or `*` for all others: what follows a fault. */
  readonly decide: Readonly<Record<string, Directive>>
  /** What follows a spent intensity: off escalates; a time keeps the child down for so long, then tries again with a fresh window. */
  readonly circuit: 'off' | number
  /** How long INITIALIZING may take; infinite is allowed. */
  readonly startTimeout: number
  /** How long CLOSING may take. */
  readonly shutdown: ShutdownLimit
  readonly probe: Pick<HealthPolicy, 'interval' | 'timeout'>
}

/** A policy of which only some fields are given, at any depth. */
export type PolicyInput = { readonly [Key in keyof Policy]?: PolicyField<Policy[Key]> | undefined }

type PolicyField<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [Key in keyof T]?: PolicyField<T[Key]> | undefined }
    : T

/** The policies of a supervisor. A string names one of `policies`. */
export interface PolicyTable {
  /** For every child, under what the other fields say. */
  readonly default?: string | PolicyInput | undefined
  readonly policies?: Readonly<Record<string, PolicyInput>> | undefined
  /** By kind of resource. */
  readonly kinds?: Readonly<Record<string, string | PolicyInput>> | undefined
  /** By child id, or by `kind:id`. */
  readonly names?: Readonly<Record<string, string | PolicyInput>> | undefined
}

/** What holds when nobody says anything. */
export const defaultPolicy: Policy = {
  restart: 'permanent',
  on: ['DEGRADED', 'ERROR'],
  degraded: { after: { failures: 3, of: 5 }, grace: 10_000, soft: 2 },
  backoff: { initial: 200, factor: 2, max: 30_000, jitter: 'full', resetAfter: 60_000 },
  intensity: { restarts: 5, within: 300_000 },
  decide: {},
  circuit: 'off',
  startTimeout: 30_000,
  shutdown: 5_000,
  probe: { interval: 10_000, timeout: 1_000 },
}

/** For supervisors: their children have limits of their own, so that they themselves are given all the time (as in OTP). */
export const supervisorPolicy: Policy = {
  ...defaultPolicy,
  startTimeout: Number.POSITIVE_INFINITY,
  shutdown: 'infinity',
}
