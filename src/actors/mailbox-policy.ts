import { ExovisorError } from '../errors.ts'

/** How many messages wait in a mailbox at most, unless its owner says otherwise. */
export const DEFAULT_MAILBOX = 1_000
/** More would not be a bound any more. */
const MOST_MESSAGES = 1_000_000

const overflows = ['reject', 'drop-oldest', 'backpressure'] as const

/**
 * What happens to a message for a full mailbox.
 *
 * - `reject`: it is refused. `tell` gives false; `ask` and `send` reject with EXO_MAILBOX_FULL.
 * - `drop-oldest`: it is taken, and the message that has waited longest becomes a dead letter; if that one was
 *   asked, its ask rejects with EXO_MAILBOX_FULL. `tell` gives true, `send` never waits.
 * - `backpressure`: `send` and `ask` wait for a place, first come, first served; at most as many of them as the mailbox has
 *   places, and EXO_MAILBOX_FULL beyond. `tell` cannot wait: it gives false, as with `reject`, and never overtakes who waits.
 */
export type Overflow = (typeof overflows)[number]

/** A bound for the messages that wait, and what happens beyond it. */
export interface MailboxPolicy {
  /** From 1 to 1,000,000. Default: 1000. */
  readonly capacity?: number
  /** Default: `reject`. */
  readonly overflow?: Overflow
}

/** What {@link mailboxPolicy} gives: nothing left out. */
export type FullMailboxPolicy = Required<MailboxPolicy>

const defaults: FullMailboxPolicy = { capacity: DEFAULT_MAILBOX, overflow: 'reject' }

const isCapacity = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MOST_MESSAGES

/** What a mailbox setting should have been, or undefined when it is right. Pure. */
export function mailboxFault(value: unknown): string | undefined {
  if (isCapacity(value)) return undefined
  if (typeof value !== 'object' || value === null) return `a whole number from 1 to ${MOST_MESSAGES}`
  const { capacity = DEFAULT_MAILBOX, overflow = 'reject' } = value as Record<string, unknown>
  if (!isCapacity(capacity)) return `a capacity that is a whole number from 1 to ${MOST_MESSAGES}`
  if (!overflows.includes(overflow as Overflow)) return `an overflow that is ${overflows.join(' or ')}`
  return undefined
}

/**
 * A mailbox setting with its defaults filled in; a number is a capacity.
 *
 * @param owner its label names the mailbox in messages
 * @throws EXO_CHILD_SPEC_INVALID
 */
export function mailboxPolicy(
  value: number | MailboxPolicy | undefined,
  owner: { readonly label: string },
): FullMailboxPolicy {
  if (value === undefined) return defaults
  const expected = mailboxFault(value)
  if (expected !== undefined) {
    throw new ExovisorError(
      'EXO_CHILD_SPEC_INVALID',
      `the mailbox of ${owner.label} is ${JSON.stringify(value) ?? typeof value}, expected ${expected}`,
      { details: { field: 'mailbox', expected } },
    )
  }
  return typeof value === 'number' ? { ...defaults, capacity: value } : { ...defaults, ...value }
}
