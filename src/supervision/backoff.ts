import type { Random } from '../concurrency/random.ts'
import type { BackoffPolicy } from './policy.ts'

/** By how much a decorrelated delay can exceed the one before it. */
const GROWTH = 3

/** The delay before chance and cap. An overflow is infinite, which the cap mends. */
function exponential({ initial, factor }: BackoffPolicy, attempt: number): number {
  // 0 * Infinity is not a number.
  return initial === 0 ? 0 : initial * factor ** attempt
}

/** Spreads a delay; an infinite one stays infinite. */
function spread(delay: number, jitter: BackoffPolicy['jitter'], random: Random): number {
  if (jitter === 'none' || delay === Number.POSITIVE_INFINITY) return delay
  const chance = random()
  if (jitter === 'equal') return delay / 2 + (delay / 2) * chance
  return delay * chance
}

/** Anything from `initial` to three times the delay before. */
function decorrelated(initial: number, previous: number, random: Random): number {
  const most = Math.max(initial, GROWTH * previous)
  return initial + (most - initial) * random()
}

/**
 * The delay before a restart, in milliseconds: exponential, spread by chance, and capped last, so that `max` holds whatever chance says
 * and an attempt whose spread delay is beyond the cap waits exactly `max`. The kinds of jitter are those of "Exponential Backoff And
 * Jitter" in the AWS Architecture Blog.
 *
 * @param attempt restarts in a row before this one: 0 for the first
 * @param previous the delay before this one, which only `decorrelated` needs; does not count for the first
 */
export function backoffDelay(
  policy: BackoffPolicy,
  attempt: number,
  random: Random,
  previous: number,
): number {
  const { initial, max, jitter } = policy
  const delay =
    jitter === 'decorrelated'
      ? decorrelated(initial, attempt === 0 ? initial : previous, random)
      : spread(exponential(policy, attempt), jitter, random)
  return Math.min(max, delay)
}

/** The longest time that `count` restarts in a row can spend waiting. Takes time for the growing delays only. */
export function longestBackoff(policy: BackoffPolicy, count: number): number {
  if (policy.jitter === 'decorrelated') {
    const steepest = { ...policy, jitter: 'none', initial: GROWTH * policy.initial, factor: GROWTH } as const
    return longestBackoff(steepest, count)
  }
  let sum = 0
  for (let attempt = 0; attempt < count; attempt += 1) {
    const delay = Math.min(policy.max, exponential(policy, attempt))
    if (delay === policy.max || policy.factor === 1) return sum + delay * (count - attempt)
    if (delay === 0) return sum
    sum += delay
  }
  return sum
}
