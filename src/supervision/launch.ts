import type { MachineActor } from '../actors/machine-actor.ts'
import { DEFAULT_MAILBOX, type DeadLetter } from '../actors/mailbox.ts'
import type { Environment, Timing } from '../resources/environment.ts'
import { Incarnation } from '../resources/incarnation.ts'
import type { IncarnationOptions } from '../resources/incarnation-options.ts'
import { Ref } from '../resources/ref.ts'
import type { Policy } from './policy.ts'
import type { AnyChildSpec } from './types.ts'

function timingOf({ startTimeout, shutdown, degraded, probe }: Policy): Timing {
  return { startTimeout, shutdown, health: { ...probe, ...degraded.after } }
}

/** The ref behind which all incarnations of a child stand. */
export function refFor(
  { id, resource, input, mailbox = DEFAULT_MAILBOX }: AnyChildSpec,
  { clock, log }: Environment,
  onDeadLetter: (letter: DeadLetter) => void,
): Ref<unknown, unknown, unknown> {
  return new Ref({
    definition: resource,
    name: id,
    displayName: resource.displayName?.(input) ?? id,
    clock,
    log,
    mailbox,
    onDeadLetter,
  })
}

/** The next incarnation of a child, made of what its spec and policy say now. */
export function incarnationFor(
  { id, resource, input }: AnyChildSpec,
  policy: Policy,
  { environment, actor }: { readonly environment: Environment; readonly actor: MachineActor },
  life: Pick<IncarnationOptions<unknown, unknown, unknown>, 'number' | 'attempt' | 'listener'>,
): Incarnation<unknown, unknown, unknown> {
  return new Incarnation({
    ...life,
    definition: resource,
    name: id,
    input,
    environment,
    timing: timingOf(policy),
    parent: actor,
  })
}
