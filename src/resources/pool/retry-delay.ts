import type { Random } from '../../concurrency/random.ts'
import type { PoolSettings } from './options.ts'

/**
 * The delay before another creation is tried, in milliseconds: doubled with each failure in a row, capped, and one half of it chance.
 *
 * @param failures in a row: 1 after the first
 */
export function retryDelay(
  { retryDelay: initial, maxRetryDelay }: Pick<PoolSettings<never>, 'retryDelay' | 'maxRetryDelay'>,
  failures: number,
  random: Random,
): number {
  const delay = Math.min(maxRetryDelay, initial * 2 ** (failures - 1))
  return delay / 2 + (delay / 2) * random()
}
