import { ExovisorError, thrownText } from '../errors.ts'
import type { ResourceDefinition } from './types.ts'

/**
 * What people call a resource: what its definition says, or `name` when that says nothing.
 * @throws EXO_CHILD_SPEC_INVALID when `displayName` throws, or gives something that is no text
 */
export function displayNameOf<Input>(
  definition: Pick<ResourceDefinition<Input, never, never>, 'kind' | 'displayName'>,
  input: Input,
  name: string,
): string {
  if (!definition.displayName) return name
  const shown = call(definition.displayName.bind(definition), input, definition.kind, name)
  if (typeof shown === 'string' || shown === undefined) return shown ?? name
  throw refusal(definition.kind, name, `gave ${thrownText(shown)}`)
}

function call<Input>(display: (input: Input) => unknown, input: Input, kind: string, name: string): unknown {
  try {
    return display(input)
  } catch (cause) {
    throw refusal(kind, name, `threw: ${thrownText(cause)}`, cause)
  }
}

const refusal = (kind: string, name: string, what: string, cause?: unknown): ExovisorError =>
  new ExovisorError(
    'EXO_CHILD_SPEC_INVALID',
    `displayName of ${kind} ${JSON.stringify(name)} ${what}; expected a text`,
    { cause },
  )
