import { comesBack, type Strategy, type StrategyHost } from './strategy.ts'

/** A child that ends is restarted alone. The others hear nothing of it. */
export function oneForOne(host: StrategyHost): Strategy {
  return {
    isBusy: false,
    ended({ child, failure }) {
      if (!comesBack(child, failure)) host.retire(child, failure)
      else if (host.acceptRestart(child)) child.awaitRestart()
      else host.giveUp(child, failure)
    },
    admit: start => start(),
    cease: () => undefined,
  }
}
