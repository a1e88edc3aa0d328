import type { Clock } from '../concurrency/clock.ts'
import type { Random } from '../concurrency/random.ts'
import { schedule } from '../concurrency/timer.ts'
import { ExovisorError, isExovisorError, thrownText } from '../errors.ts'
import type { OperationOptions, RetryBackoff, RetryPolicy } from './network-types.ts'

const DEFAULT_RETRIES = 3
const defaultBackoff: RetryBackoff = { initial: 200, factor: 2, max: 30_000, jitter: 'full' }

/** How many failures an error lists at most: the first ones and the last. */
const MOST_LISTED = 16
const MOST_CAUSES = 8

/** A policy with all its values. */
export interface Retry {
  readonly retries: number
  readonly backoff: RetryBackoff
  readonly timeout: number
}

const isAmount = (value: unknown): boolean => typeof value === 'number' && value >= 0

/**
 * Lays the options of one operation over those of its kind, and fills in the defaults.
 * @throws EXO_OPTION_INVALID naming resource and option
 */
export function resolveRetry(label: string, kind: RetryPolicy = {}, own: OperationOptions = {}): Retry {
  const refuse = (option: string, value: unknown, expected: string): never => {
    throw new ExovisorError(
      'EXO_OPTION_INVALID',
      `an operation of ${label}: ${option} is ${String(value)}, expected ${expected}`,
      { details: { option, expected } },
    )
  }
  const retries = own.retries ?? kind.retries ?? DEFAULT_RETRIES
  const timeout = own.timeout ?? kind.timeout ?? Number.POSITIVE_INFINITY
  const backoff = { ...defaultBackoff, ...kind.backoff, ...own.backoff }
  if (!(isAmount(retries) && (Number.isInteger(retries) || retries === Number.POSITIVE_INFINITY))) {
    refuse('retries', retries, 'a whole number of at least 0')
  }
  if (!isAmount(timeout)) refuse('timeout', timeout, 'milliseconds of at least 0')
  for (const field of ['initial', 'factor', 'max'] as const) {
    if (!isAmount(backoff[field])) refuse(`backoff.${field}`, backoff[field], 'a number of at least 0')
  }
  return { retries, timeout, backoff }
}

/** The delay after the given failed attempt (1 for the first), in milliseconds: exponential, spread by chance, capped last. */
export function retryDelay(
  { initial, factor, max, jitter }: RetryBackoff,
  attempt: number,
  random: Random,
): number {
  // 0 * Infinity is not a number.
  const delay = initial === 0 ? 0 : initial * factor ** (attempt - 1)
  return Math.min(max, jitter === 'none' || delay === Number.POSITIVE_INFINITY ? delay : delay * random())
}

/** Resolves after so long, or as soon as the signal is aborted. No time takes no timer. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (ms === 0 || signal.aborted) return Promise.resolve()
  return new Promise(resolve => {
    const end = (): void => {
      cancelTimer()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancelTimer = schedule(clock, ms, end)
    signal.addEventListener('abort', end, { once: true })
  })
}

const socketCodes = new Set([
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETRESET',
  'ENETUNREACH',
  'ENOTCONN',
  'EPIPE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ETIMEDOUT',
  'EXO_PEER_UNREACHABLE',
  'EXO_STREAM_CLOSED',
])

/** True when an error, or one of its causes, has a code that means a broken connection. */
export function meansBroken(error: unknown): boolean {
  let current = error
  for (let depth = 0; depth <= MOST_CAUSES && current instanceof Error; depth += 1) {
    if (socketCodes.has(String((current as { readonly code?: unknown }).code))) return true
    current = current.cause
  }
  return false
}

/** The failures of the attempts so far: all of a few, the ends of many. */
export class FailureList {
  readonly #listed: object[] = []

  add(attempt: number, error: unknown): void {
    if (this.#listed.length === MOST_LISTED) this.#listed.pop()
    this.#listed.push({
      attempt,
      ...(isExovisorError(error) && { code: error.code }),
      message: thrownText(error),
    })
  }

  /** The error of an operation that was tried as often as it may be. */
  exhausted(label: string, attempts: number, cause: unknown): ExovisorError {
    return new ExovisorError(
      'EXO_RETRIES_EXHAUSTED',
      `an operation of ${label} failed ${attempts} times, the last time with: ${thrownText(cause)}`,
      { cause, details: { attempts, failures: this.#listed } },
    )
  }
}
