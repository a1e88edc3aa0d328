import { ExovisorError } from '../../errors.ts'
import type { StrategyName } from '../types.ts'
import { oneForOne } from './one-for-one.ts'
import type { Strategy } from './strategy.ts'

const strategies: Readonly<Record<StrategyName, Strategy>> = { one_for_one: oneForOne }

/**
 * The strategy of that name.
 * @throws EXO_CHILD_SPEC_INVALID when there is none
 */
export function strategyNamed(name: StrategyName, supervisor: string): Strategy {
  if (Object.hasOwn(strategies, name)) return strategies[name]
  throw new ExovisorError(
    'EXO_CHILD_SPEC_INVALID',
    `supervisor ${JSON.stringify(supervisor)}: strategy is ${JSON.stringify(name)}, expected ${Object.keys(strategies).join(' or ')}`,
  )
}
