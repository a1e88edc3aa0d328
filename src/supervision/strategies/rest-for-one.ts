import { GroupRestart } from './group-restart.ts'
import type { Strategy, StrategyHost } from './strategy.ts'

/** When a child ends and is to be restarted, those started after it are stopped, and it and they start again. */
export function restForOne(host: StrategyHost): Strategy {
  return new GroupRestart(host, (child, members) => members.indexOf(child))
}
