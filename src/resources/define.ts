import { lifecycleStates } from '../../machines/lifecycle.ts'
import { ExovisorError } from '../errors.ts'
import type { ResourceDefinition } from './types.ts'

const KIND = /^[a-z][a-z0-9-]{0,63}$/
const effects = ['checkHealth', 'recover', 'cleanup', 'receive', 'displayName'] as const

function refuse(kind: unknown, field: string, value: unknown, expected: string): never {
  throw new ExovisorError(
    'EXO_CHILD_SPEC_INVALID',
    `resource kind ${JSON.stringify(kind)}: ${field} is ${String(value)}, expected ${expected}`,
    { details: { kind, field, expected } },
  )
}

/**
 * Checks the definition of a kind of resource and freezes it. An effect under a name that nobody calls is refused: a health check that
 * is never made would look like good health.
 * @throws EXO_CHILD_SPEC_INVALID naming the wrong field
 */
export function defineResource<Input, Client, Message = never>(
  definition: ResourceDefinition<Input, Client, Message>,
): ResourceDefinition<Input, Client, Message> {
  const { kind, machine, initialize } = definition
  if (typeof kind !== 'string' || !KIND.test(kind)) {
    refuse(kind, 'kind', kind, 'a lower-case letter, then up to 63 lower-case letters, digits or hyphens')
  }
  if (typeof initialize !== 'function') refuse(kind, 'initialize', typeof initialize, 'a function')
  for (const effect of effects) {
    const value = definition[effect]
    if (value !== undefined && typeof value !== 'function') refuse(kind, effect, typeof value, 'a function')
  }
  const names: readonly string[] = ['initialize', ...effects]
  for (const [field, value] of Object.entries(definition)) {
    if (typeof value === 'function' && !names.includes(field)) {
      refuse(kind, field, 'a function that nothing calls', names.join(', '))
    }
  }
  const missing = lifecycleStates.filter(state => machine?.states?.[state] === undefined)
  if (missing.length > 0) {
    refuse(
      kind,
      'machine',
      `without ${missing.join(', ')}`,
      'a machine with the seven states of the lifecycle',
    )
  }
  return Object.freeze({ ...definition })
}
