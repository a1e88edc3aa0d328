import { oneForOne } from './one-for-one.ts'
import type { Strategy, StrategyHost } from './strategy.ts'

/**
 * Any number of children of one template, which come and go: OTP's simple_one_for_one. Each is restarted alone; the spec of one that
 * has ended for good is not kept; and when the supervisor closes, all are stopped at one time.
 */
export function dynamic(host: StrategyHost): Strategy {
  return oneForOne(host)
}
