import { mailboxFault } from '../actors/mailbox-policy.ts'
import { ExovisorError } from '../errors.ts'
import type { Policy, RestartType } from './policy.ts'
import type { AnyChildSpec, ChildSpec } from './types.ts'

const LONGEST_ID = 256
const restartTypes: readonly RestartType[] = ['permanent', 'transient', 'temporary']

/** Makes a spec whose input is checked against its definition, for a list of specs of several kinds. */
export function childSpec<Input, Client, Message>(spec: ChildSpec<Input, Client, Message>): AnyChildSpec {
  return spec
}

/**
 * Refuses a spec with wrong values.
 * @throws EXO_CHILD_SPEC_INVALID naming supervisor, child and field
 */
export function checkChildSpec(spec: AnyChildSpec, supervisor: string): void {
  const refuse = (field: string, value: unknown, expected: string): never => {
    throw new ExovisorError(
      'EXO_CHILD_SPEC_INVALID',
      `supervisor ${JSON.stringify(supervisor)}: ${field} of child ${JSON.stringify(spec.id)} is ${JSON.stringify(value) ?? typeof value}, expected ${expected}`,
      { details: { supervisor, id: spec.id, field, expected } },
    )
  }
  const { id, resource, restart, mailbox } = spec
  if (typeof id !== 'string' || id.length === 0 || id.length > LONGEST_ID) {
    refuse('id', id, `a text of 1 to ${LONGEST_ID} characters`)
  }
  if (typeof resource?.initialize !== 'function') refuse('resource', resource, 'what defineResource gives')
  if (restart !== undefined && !restartTypes.includes(restart)) {
    refuse('restart', restart, restartTypes.join(' or '))
  }
  const mailboxExpected = mailbox === undefined ? undefined : mailboxFault(mailbox)
  if (mailboxExpected !== undefined) refuse('mailbox', mailbox, mailboxExpected)
}

export interface ChildSpecData {
  readonly id: string
  readonly policy: Policy
}

export function completeSpec(spec: AnyChildSpec, policy: Policy): ChildSpecData {
  return { id: spec.id, policy }
}
