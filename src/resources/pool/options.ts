import { ExovisorError } from '../../errors.ts'
import type { Timing } from '../environment.ts'
import type { AbandonedBorrow } from './types.ts'

/** How a pool is kept. All times in milliseconds; each but the two retry delays may be infinite. */
export interface PoolOptions<Client> {
  /** Members that are kept even if nobody borrows. The pool is READY when they are. Default: 0. */
  readonly min?: number
  /** Members at most, those that are being created or closed included; up to 10,000. Default: 10. */
  readonly max?: number
  /** How long a borrower waits if it says nothing else. Default: 30 s. */
  readonly acquireTimeout?: number
  /** Borrowers that may wait for somebody else to give a member back. One more is refused at once. Default: 1000. */
  readonly maxWaiters?: number
  /** A member above `min` is closed when nobody has used it for so long. Default: 5 min. */
  readonly idleTime?: number
  /** A member is closed when it is so old: at once when idle, at its release when borrowed. Default: 1 h. */
  readonly maxLifetime?: number
  /** Each member lives shorter by up to this part of `maxLifetime`, by chance, so that not all end together. Default: 0.1. */
  readonly lifetimeJitter?: number
  /** A member that is borrowed for so long is reported and taken back. Default: never. */
  readonly abandonedAfter?: number
  /** How long a closing pool waits for borrowed members. Keep it below the pool's own shutdown limit. Default: 3 s. */
  readonly drainTimeout?: number
  /** So many creations may fail in a row for one borrower until it is given the error of the last. Default: 1. */
  readonly createAttempts?: number
  /** The delay after a failed creation; doubles with each further one, and the half of it is chance. Default: 200 ms. */
  readonly retryDelay?: number
  /** The longest such delay. Default: 30 s. */
  readonly maxRetryDelay?: number
  /**
   * Throws when an idle member is not fit to be lent; it is replaced then. Has as much time as one health check of a member.
   * Default: the definition's `checkHealth`, if it has one. `false`: members are lent without a look at them.
   */
  readonly validate?:
    | false
    | ((client: Client, context: { readonly signal: AbortSignal }) => void | Promise<void>)
  /** The limits of one member: of its start, its closing and its health checks. Default: those of any resource. */
  readonly timing?: Partial<Timing>
  /** Told of each borrow that was taken back because of `abandonedAfter`. */
  onAbandoned?(borrow: AbandonedBorrow): void
}

type Limits = Required<Omit<PoolOptions<never>, 'validate' | 'timing' | 'onAbandoned'>>

/** The options of a pool with all defaults filled in. */
export type PoolSettings<Client> = Limits & Pick<PoolOptions<Client>, 'validate' | 'timing' | 'onAbandoned'>

const defaults: Limits = {
  min: 0,
  max: 10,
  acquireTimeout: 30_000,
  maxWaiters: 1_000,
  idleTime: 300_000,
  maxLifetime: 3_600_000,
  lifetimeJitter: 0.1,
  abandonedAfter: Number.POSITIVE_INFINITY,
  drainTimeout: 3_000,
  createAttempts: 1,
  retryDelay: 200,
  maxRetryDelay: 30_000,
}

const MOST_MEMBERS = 10_000
const MOST_WAITERS = 1_000_000
const MOST_ATTEMPTS = 1_000

const whole = (value: unknown, least: number, most: number): boolean =>
  Number.isInteger(value) && Number(value) >= least && Number(value) <= most
/** Also says no to what is no number. */
const atLeast = (value: unknown, least: number): boolean => typeof value === 'number' && value >= least

/** True for a time that a borrower may give: infinite is allowed. */
export const isTime = (value: unknown): boolean => atLeast(value, 0)

type Rule = readonly [name: keyof PoolSettings<unknown>, holds: boolean, expected: string]

function rules(settings: PoolSettings<never>): readonly Rule[] {
  const { min, max, lifetimeJitter, retryDelay, maxRetryDelay, validate } = settings
  const time = 'a number of milliseconds, at least'
  const times = ['acquireTimeout', 'idleTime', 'drainTimeout'] as const
  const positive = ['maxLifetime', 'abandonedAfter'] as const
  return [
    ['max', whole(max, 1, MOST_MEMBERS), `a whole number from 1 to ${MOST_MEMBERS}`],
    ['min', whole(min, 0, MOST_MEMBERS) && min <= max, `a whole number from 0 to max, which is ${max}`],
    ['maxWaiters', whole(settings.maxWaiters, 0, MOST_WAITERS), `a whole number from 0 to ${MOST_WAITERS}`],
    ...times.map((name): Rule => [name, isTime(settings[name]), `${time} 0`]),
    ...positive.map((name): Rule => [name, atLeast(settings[name], 1), `${time} 1`]),
    ['lifetimeJitter', atLeast(lifetimeJitter, 0) && lifetimeJitter <= 1, 'a number from 0 to 1'],
    [
      'createAttempts',
      whole(settings.createAttempts, 1, MOST_ATTEMPTS),
      `a whole number from 1 to ${MOST_ATTEMPTS}`,
    ],
    ['retryDelay', atLeast(retryDelay, 1) && Number.isFinite(retryDelay), `${time} 1`],
    [
      'maxRetryDelay',
      atLeast(maxRetryDelay, retryDelay) && Number.isFinite(maxRetryDelay),
      `${time} retryDelay, which is ${retryDelay}`,
    ],
    [
      'validate',
      validate === undefined || validate === false || typeof validate === 'function',
      'a function or false',
    ],
  ]
}

/**
 * Checks the options of a pool and fills in the defaults.
 *
 * @param label names the pool, e.g. `pool "db"`
 * @throws EXO_POOL_INVALID naming every wrong option
 */
export function poolSettings<Client>(options: PoolOptions<Client>, label: string): PoolSettings<Client> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const settings: PoolSettings<Client> = { ...defaults, ...Object.fromEntries(given) }
  const faults = rules(settings as PoolSettings<never>)
    .filter(([, holds]) => !holds)
    .map(([option, , expected]) => ({ option, value: settings[option], expected }))
  if (faults.length === 0) return settings
  const texts = faults.map(
    ({ option, value, expected }) => `${option} is ${String(value)}, expected ${expected}`,
  )
  throw new ExovisorError('EXO_POOL_INVALID', `${label}: ${texts.join('; ')}`, { details: { faults } })
}
