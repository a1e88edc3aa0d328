import { GroupRestart } from './group-restart.ts'
import type { Strategy, StrategyHost } from './strategy.ts'

/** When a child ends and is to be restarted, all the others are stopped and all start again. */
export function oneForAll(host: StrategyHost): Strategy {
  return new GroupRestart(host, () => 0)
}
