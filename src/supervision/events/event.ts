import type { ChildHistory } from './child-history.ts'
import { bounded, type ErrorFacts } from './error-facts.ts'
import type { SupervisionEvent, WindowFill } from './types.ts'

/** Whom an event is about. */
export interface EventSubject {
  readonly id: string
  readonly ref: { readonly kind: string; readonly incarnation: number }
  /** What is remembered of its restarts. */
  readonly record: {
    attempt(now: number): number
    fill(now: number): WindowFill
  }
  /** Kept by those who make the events: looking it up by the id, half a dozen times a restart, would cost more than all they do. */
  history?: ChildHistory | undefined
}

/** What an event says beside that. Without `incarnation` it is about the current one. */
export interface EventFacts
  extends Pick<SupervisionEvent, 'type' | 'delay' | 'reason' | 'count' | 'directive'> {
  readonly error?: unknown
  readonly incarnation?: number
}

export type EventDraft = { -readonly [Key in keyof SupervisionEvent]: SupervisionEvent[Key] }

/**
 * An event of a supervisor at such a time. Its fields are set one by one, and the most frequent forms are written out: a spread would cost
 * more than all of it, and so would room for fields that the object was not made with.
 *
 * @param told what is said of the error
 */
export function eventOf(
  supervisor: string,
  at: number,
  subject: EventSubject,
  facts: EventFacts,
  told: ErrorFacts | undefined,
): SupervisionEvent {
  const { id: name, ref, record } = subject
  const { type, directive, delay, reason, count } = facts
  const { kind } = ref
  const incarnation = facts.incarnation ?? ref.incarnation
  const attempt = record.attempt(at)
  const window = record.fill(at)
  const error = told?.error
  const event: EventDraft = error
    ? { type, at, supervisor, name, kind, incarnation, attempt, window, error }
    : { type, at, supervisor, name, kind, incarnation, attempt, window }
  if (told?.causes) event.causes = told.causes
  if (directive !== undefined) event.directive = directive
  if (delay !== undefined) event.delay = delay
  if (reason !== undefined) event.reason = bounded(reason)
  if (count !== undefined) event.count = count
  return event
}
