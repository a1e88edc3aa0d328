import type { RestartType } from '../policy.ts'
import type { Strategy } from './strategy.ts'

/** Whether a child of that type is restarted after a failure, or after a normal end. As in OTP. */
function isRestarted(type: RestartType, failed: boolean): boolean {
  return type === 'permanent' || (type === 'transient' && failed)
}

/** A child that ends is restarted alone. The others hear nothing of it. */
export const oneForOne: Strategy = {
  ended(child, failure, host) {
    if (!isRestarted(child.policy.restart, failure !== undefined)) host.retire(child, failure)
    else if (host.acceptRestart(child)) child.scheduleRestart()
    else host.giveUp(child, failure)
  },
}
