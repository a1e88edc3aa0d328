import { lifecycleEvents } from '../../machines/lifecycle.ts'
import type { MachineEvent } from '../actors/machine-actor.ts'
import { ExovisorError } from '../errors.ts'

const isForeign = (type: string): boolean =>
  (lifecycleEvents as readonly string[]).includes(type) || type.startsWith('xstate.') || type === '*'

/**
 * Refuses an event that a resource may not send itself: those of the lifecycle and of XState, and the wildcard, at which XState throws.
 * @throws EXO_MESSAGE_UNHANDLED
 */
export function refuseForeign({ type }: MachineEvent, { label }: { readonly label: string }): void {
  if (!isForeign(type)) return
  throw new ExovisorError(
    'EXO_MESSAGE_UNHANDLED',
    `${label} sent itself ${type}, which only the runtime may send; expected an event of its own machine`,
  )
}
