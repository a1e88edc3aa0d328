import { ExovisorError } from '../../errors.ts'
import type { StrategyName } from '../types.ts'
import { DependencyClosure } from './dependency-closure.ts'
import { dynamic } from './dynamic.ts'
import { oneForAll } from './one-for-all.ts'
import { oneForOne } from './one-for-one.ts'
import { restForOne } from './rest-for-one.ts'
import type { Strategy, StrategyHost } from './strategy.ts'

const strategies: Readonly<Record<StrategyName, (host: StrategyHost) => Strategy>> = {
  one_for_one: oneForOne,
  one_for_all: oneForAll,
  rest_for_one: restForOne,
  dependency_closure: host => new DependencyClosure(host),
  dynamic,
}

/**
 * A strategy of that name for one supervisor.
 * @throws EXO_CHILD_SPEC_INVALID when there is none
 */
export function strategyNamed(name: StrategyName, supervisor: string, host: StrategyHost): Strategy {
  if (Object.hasOwn(strategies, name)) return strategies[name](host)
  throw new ExovisorError(
    'EXO_CHILD_SPEC_INVALID',
    `supervisor ${JSON.stringify(supervisor)}: strategy is ${JSON.stringify(name)}, expected ${Object.keys(strategies).join(' or ')}`,
  )
}
