import { InterpretedActor } from './interpreted-actor.ts'
import type { ActorFactory } from './machine-actor.ts'
import { TableActor } from './table-actor.ts'
import { BeyondTable, refuseTable, transitionTable } from './transition-table.ts'

/** An actor that XState runs from the first event to the last. */
export const createInterpretedActor: ActorFactory = (machine, options) =>
  new InterpretedActor(machine, options)

/**
 * An actor that walks the machine's table while nobody observes its system, and is run by XState otherwise. A machine that has
 * more than a table can hold is run by XState always.
 */
export const createMachineActor: ActorFactory = (machine, options) => {
  const table = options.parent?.isObserved ? undefined : transitionTable(machine)
  if (table === undefined) return createInterpretedActor(machine, options)
  try {
    return new TableActor(table, options)
  } catch (error) {
    if (!(error instanceof BeyondTable)) throw error
    refuseTable(machine)
    return createInterpretedActor(machine, options)
  }
}
