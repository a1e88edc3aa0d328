import type { LazyAbort } from '../concurrency/lazy-abort.ts'
import type { Environment } from './environment.ts'
import { aboutResource, type ResourceLog } from './log.ts'
import type { InitializeContext, ResourceSelf } from './types.ts'

/** What an initialisation is about. */
export interface InitializeFacts<Input> {
  readonly definition: { readonly kind: string }
  readonly name: string
  readonly number: number
  readonly input: Input
  readonly environment: Pick<Environment, 'clock' | 'random' | 'log' | 'path'>
}

/** What the accessors look at. Behind a symbol, since a private field would not be found by a proxy, or by an object that inherits. */
const source = Symbol('source')

interface Sourced {
  readonly [source]: { readonly facts: InitializeFacts<unknown>; readonly abort: LazyAbort }
}

const signal: PropertyDescriptor & ThisType<Sourced> = {
  enumerable: true,
  configurable: true,
  get(): AbortSignal {
    return this[source].abort.signal
  },
}

const log: PropertyDescriptor & ThisType<Sourced> = {
  enumerable: true,
  configurable: true,
  get(): ResourceLog {
    const { definition, environment, name, number } = this[source].facts
    return aboutResource(environment, { kind: definition.kind, name, incarnation: number })
  },
}

/**
 * What `initialize` gets. Signal and log are made when they are asked for, since most kinds ask for neither; as own properties, so that a copy by
 * spreading has them. The accessors are the same for all: in an object literal each would be made anew, and with them the shape of the object,
 * which takes three times as long and eight times the memory.
 */
export function initializeContext<Input>(
  facts: InitializeFacts<Input>,
  self: ResourceSelf,
  abort: LazyAbort,
): InitializeContext<Input> {
  const { input, environment } = facts
  const context = { input, self, clock: environment.clock, random: environment.random }
  Object.defineProperty(context, 'signal', signal)
  Object.defineProperty(context, 'log', log)
  Object.defineProperty(context, source, { value: { facts, abort } })
  return context as unknown as InitializeContext<Input>
}
