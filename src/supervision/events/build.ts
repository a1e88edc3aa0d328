import { bounded, errorFacts } from './error-facts.ts'
import type { SupervisionEvent, WindowFill } from './types.ts'

/** Whom an event is about. */
export interface EventSubject {
  readonly id: string
  readonly ref: { readonly kind: string; readonly incarnation: number }
  readonly attempt: number
  windowFill(): WindowFill
}

/** What an event says beside that. Without `incarnation` it is about the current one. */
export interface EventFacts
  extends Pick<SupervisionEvent, 'type' | 'delay' | 'reason' | 'count' | 'directive'> {
  readonly error?: unknown
  readonly incarnation?: number
}

type Draft = { -readonly [Key in keyof SupervisionEvent]: SupervisionEvent[Key] }

/** Makes an event. Fields are set one by one: this runs half a dozen times in each restart, and a spread costs more than all of it. */
export function buildEvent(
  at: number,
  supervisor: string,
  subject: EventSubject,
  facts: EventFacts,
): SupervisionEvent {
  const { ref } = subject
  const event: Draft = {
    type: facts.type,
    at,
    supervisor,
    name: subject.id,
    kind: ref.kind,
    incarnation: facts.incarnation ?? ref.incarnation,
    attempt: subject.attempt,
    window: subject.windowFill(),
  }
  if (facts.error !== undefined) {
    const { error, causes } = errorFacts(facts.error)
    if (error) event.error = error
    if (causes) event.causes = causes
  }
  if (facts.directive !== undefined) event.directive = facts.directive
  if (facts.delay !== undefined) event.delay = facts.delay
  if (facts.reason !== undefined) event.reason = bounded(facts.reason)
  if (facts.count !== undefined) event.count = facts.count
  return event
}
