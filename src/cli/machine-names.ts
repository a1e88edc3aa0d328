import { closest } from 'fastest-levenshtein'
import { type AnyLifecycleMachine, machines } from '../../machines/index.ts'
import { ExovisorError } from '../errors.ts'

/**
 * The machine of a name.
 * @throws EXO_USAGE naming the nearest one
 */
export function namedMachine(name: string): AnyLifecycleMachine {
  const machine = Object.hasOwn(machines, name) ? machines[name] : undefined
  if (machine) return machine
  const names = Object.keys(machines)
  throw new ExovisorError(
    'EXO_USAGE',
    `there is no machine ${JSON.stringify(name)}, did you mean ${closest(name, names)}? There are: ${names.join(', ')}`,
    { details: { machine: name } },
  )
}
