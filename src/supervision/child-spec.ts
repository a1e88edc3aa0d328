import { type FullMailboxPolicy, mailboxFault, mailboxPolicy } from '../actors/mailbox-policy.ts'
import { ExovisorError } from '../errors.ts'
import { displayNameOf } from '../resources/display-name.ts'
import type { ShutdownLimit } from '../resources/environment.ts'
import type { AnyResourceDefinition } from '../resources/types.ts'
import type { Policy, RestartType } from './policy.ts'
import type { Rule } from './policy-rules.ts'
import { isRecord, quote } from './spec-faults.ts'
import type { AnyChildSpec, ChildSpec } from './types.ts'

const LONGEST_ID = 256
const restartTypes: readonly unknown[] = ['permanent', 'transient', 'temporary']

/** A child spec as plain data: what was left out has its default. */
export interface ChildSpecData {
  readonly id: string
  readonly kind: string
  readonly displayName: string
  /** False: it was not started with its supervisor. */
  readonly start: boolean
  readonly restart: RestartType
  readonly shutdown: ShutdownLimit
  readonly significant: boolean
  readonly dependsOn: readonly string[]
  readonly after: readonly string[]
  readonly requires: readonly string[]
  /** The name of the policy that the spec gives; null when it gives none, or fields. */
  readonly policy: string | null
  /** The policy that holds. */
  readonly resolved: Policy
  readonly mailbox: FullMailboxPolicy
}

/** Makes a spec whose input is checked against its definition, for a list of specs of several kinds. */
export function childSpec<Input, Client, Message>(spec: ChildSpec<Input, Client, Message>): AnyChildSpec {
  return spec
}

const optional = (value: unknown, holds: boolean): boolean => value === undefined || holds
const isLimit = (value: unknown): boolean =>
  value === 'infinity' ||
  value === 'kill' ||
  (typeof value === 'number' && Number.isFinite(value) && value >= 0)

/** Whether a value is an id that a child may have. */
export const isId = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= LONGEST_ID

export const expectedId = `a text of 1 to ${LONGEST_ID} characters`

function isDefinition(value: unknown): boolean {
  const { kind, machine, initialize } = (value ?? {}) as Partial<AnyResourceDefinition>
  return typeof initialize === 'function' && typeof kind === 'string' && isRecord(machine?.states)
}

/** What a spec may have. */
export const specFields = [
  'id',
  'resource',
  'input',
  'policy',
  'restart',
  'shutdown',
  'significant',
  'dependsOn',
  'after',
  'requires',
  'start',
  'mailbox',
] as const satisfies readonly (keyof AnyChildSpec)[]

/** The fields of a spec, whatever they hold. */
export type SpecFields = Readonly<Partial<Record<keyof AnyChildSpec, unknown>>>

/** What each field of a spec must be, the id and what it says of its siblings aside. */
export function specRules(fields: SpecFields): readonly Rule[] {
  const { resource, policy, restart, shutdown, significant, start, mailbox } = fields
  const isPolicy = typeof policy === 'string' || (typeof policy === 'object' && policy !== null)
  const flag = 'true or false'
  const messages = mailbox === undefined ? undefined : mailboxFault(mailbox)
  return [
    ['resource', resource, isDefinition(resource), 'what defineResource gives'],
    ['policy', policy, optional(policy, isPolicy), 'the name of a policy, or fields of one'],
    ['restart', restart, optional(restart, restartTypes.includes(restart)), restartTypes.join(' or ')],
    ['shutdown', shutdown, optional(shutdown, isLimit(shutdown)), 'milliseconds, or infinity, or kill'],
    ['significant', significant, optional(significant, typeof significant === 'boolean'), flag],
    ['start', start, optional(start, typeof start === 'boolean'), flag],
    ['mailbox', mailbox, messages === undefined, messages ?? ''],
  ]
}

/**
 * Refuses a spec with wrong values.
 * @throws EXO_CHILD_SPEC_INVALID naming supervisor, child and field
 */
export function checkChildSpec(spec: AnyChildSpec, supervisor: string): void {
  const broken = brokenRule(spec)
  if (!broken) return
  const [field, value, , expected] = broken
  const id = quote(isRecord(spec) ? readId(spec) : spec)
  throw new ExovisorError(
    'EXO_CHILD_SPEC_INVALID',
    `supervisor ${JSON.stringify(supervisor)}: ${field} of child ${id} is ${quote(value)}, expected ${expected}`,
    { details: { supervisor, id, field, expected } },
  )
}

function brokenRule(spec: AnyChildSpec): Rule | undefined {
  if (!isRecord(spec)) return ['spec', spec, false, 'an object with id, resource and input']
  try {
    const id: Rule = ['id', spec.id, isId(spec.id), expectedId]
    return [id, ...specRules(spec)].find(([, , holds]) => !holds)
  } catch {
    return ['spec', spec, false, 'fields that can be read']
  }
}

function readId(spec: AnyChildSpec): unknown {
  try {
    return spec.id
  } catch {
    return undefined
  }
}

/** A spec as data, its defaults filled in. @param policy the one that holds for it, by the tables of its supervisor */
export function completeSpec(spec: AnyChildSpec, policy: Policy): ChildSpecData {
  const { restart = policy.restart, shutdown = policy.shutdown } = spec
  return {
    id: spec.id,
    kind: spec.resource.kind,
    displayName: displayNameOf(spec.resource, spec.input, spec.id),
    start: spec.start ?? true,
    restart,
    shutdown,
    significant: spec.significant ?? false,
    dependsOn: [...(spec.dependsOn ?? [])],
    after: [...(spec.after ?? [])],
    requires: [...(spec.requires ?? [])],
    policy: typeof spec.policy === 'string' ? spec.policy : null,
    resolved: { ...policy, restart, shutdown },
    mailbox: mailboxPolicy(spec.mailbox, { label: `${spec.resource.kind} ${quote(spec.id)}` }),
  }
}
