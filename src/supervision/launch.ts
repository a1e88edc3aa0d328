import type { MachineActor } from '../actors/machine-actor.ts'
import { displayNameOf } from '../resources/display-name.ts'
import type { Environment, Timing } from '../resources/environment.ts'
import { Incarnation } from '../resources/incarnation.ts'
import type { IncarnationOptions } from '../resources/incarnation-options.ts'
import { Ref } from '../resources/ref.ts'
import type { Policy } from './policy.ts'
import type { AnyChildSpec } from './types.ts'

/** Children of one kind share one policy, and so one timing. */
const timings = new WeakMap<Policy, Timing>()

function timingOf(policy: Policy): Timing {
  const known = timings.get(policy)
  if (known) return known
  const { startTimeout, shutdown, degraded, probe } = policy
  const timing = { startTimeout, shutdown, health: { ...probe, ...degraded.after } }
  timings.set(policy, timing)
  return timing
}

/** The ref behind which all incarnations of a child stand. */
export function refFor(
  { id, resource, input }: AnyChildSpec,
  environment: Environment,
): Ref<unknown, unknown, unknown> {
  return new Ref({
    definition: resource,
    name: id,
    displayName: displayNameOf(resource, input, id),
    environment,
  })
}

/** The next incarnation of a child, made of what its spec and policy say now. */
export function incarnationFor(
  { id, resource, input }: AnyChildSpec,
  policy: Policy,
  { environment, actor }: { readonly environment: Environment; readonly actor: MachineActor },
  {
    number,
    attempt,
    listener,
  }: Pick<IncarnationOptions<unknown, unknown, unknown>, 'number' | 'attempt' | 'listener'>,
): Incarnation<unknown, unknown, unknown> {
  return new Incarnation({
    definition: resource,
    name: id,
    number,
    attempt,
    input,
    environment,
    timing: timingOf(policy),
    parent: actor,
    listener,
  })
}
