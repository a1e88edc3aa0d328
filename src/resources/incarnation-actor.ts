import { type AnyLifecycleMachine, type LifecycleState, lifecycle } from '../../machines/lifecycle.ts'
import { createMachineActor } from '../actors/create-actor.ts'
import type { ActorListener, MachineActor } from '../actors/machine-actor.ts'
import type { ExovisorError } from '../errors.ts'
import { failedContext } from './failure.ts'
import type { IncarnationOptions } from './incarnation-options.ts'

type Options = Pick<
  IncarnationOptions<never, never, never>,
  'name' | 'number' | 'attempt' | 'environment' | 'parent'
> & { readonly definition: { readonly kind: string; readonly machine: AnyLifecycleMachine } }

/** The actor that says what state an incarnation is in, made of its definition's machine. */
export function incarnationActor(options: Options, listener: ActorListener): MachineActor {
  return create(options, listener, options.definition.machine, '')
}

/** An actor of the plain lifecycle that begins in such a state, with that failure: for a machine that can make none, or threw. */
export function failedActor(
  options: Options,
  listener: ActorListener,
  value: 'ERROR' | 'CLOSING',
  failure: ExovisorError,
): MachineActor {
  return create(options, listener, lifecycle, '!', { value, context: failedContext(options, failure) })
}

function create(
  { definition, name, number, attempt, environment, parent }: Options,
  listener: ActorListener,
  machine: AnyLifecycleMachine,
  mark: string,
  from?: { readonly value: LifecycleState; readonly context: object },
): MachineActor {
  const { createActor = createMachineActor, clock } = environment
  return createActor(machine, {
    id: `${name}#${number}${mark}`,
    input: { name, kind: definition.kind, incarnation: number, attempt },
    clock,
    parent,
    from,
    listener,
  })
}
