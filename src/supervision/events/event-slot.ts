import type { Directive } from '../policy.ts'
import { bounded, type ErrorFacts } from './error-facts.ts'
import type { SupervisionEvent, SupervisionEventType, WindowFill } from './types.ts'

/** Whom an event is about. */
export interface EventSubject {
  readonly id: string
  readonly ref: { readonly kind: string; readonly incarnation: number }
  /** What is remembered of its restarts. */
  readonly record: {
    attempt(now: number): number
    fill(now: number): WindowFill
  }
}

/** What an event says beside that. Without `incarnation` it is about the current one. */
export interface EventFacts
  extends Pick<SupervisionEvent, 'type' | 'delay' | 'reason' | 'count' | 'directive'> {
  readonly error?: unknown
  readonly incarnation?: number
}

type Draft = { -readonly [Key in keyof SupervisionEvent]: SupervisionEvent[Key] }

/**
 * The facts of one event, to be written over by another. Half a dozen events come with each restart, and objects that are kept for long cost
 * the garbage collector ten times what it costs to make them: so what is remembered is kept in slots, which are used again and again.
 */
export class EventSlot {
  #type: SupervisionEventType = 'started'
  #at = Number.NaN
  #incarnation = 0
  #attempt = 0
  #used = 0
  #limit = 0
  #within = 0
  #told: ErrorFacts | undefined
  #directive: Directive | undefined
  #delay: number | undefined
  #reason: string | undefined
  #count: number | undefined

  /** @param told what is said of the error */
  fill(at: number, subject: EventSubject, facts: EventFacts, told: ErrorFacts | undefined): void {
    const { used, limit, within } = subject.record.fill(at)
    this.#type = facts.type
    this.#at = at
    this.#incarnation = facts.incarnation ?? subject.ref.incarnation
    this.#attempt = subject.record.attempt(at)
    this.#used = used
    this.#limit = limit
    this.#within = within
    this.#told = told
    this.#directive = facts.directive
    this.#delay = facts.delay
    this.#reason = facts.reason === undefined ? undefined : bounded(facts.reason)
    this.#count = facts.count
  }

  /** The facts as an event about a child. Its fields are set one by one: a spread would cost more than all of it. */
  event(supervisor: string, name: string, kind: string): SupervisionEvent {
    const event: Draft = {
      type: this.#type,
      at: this.#at,
      supervisor,
      name,
      kind,
      incarnation: this.#incarnation,
      attempt: this.#attempt,
      window: { used: this.#used, limit: this.#limit, within: this.#within },
    }
    if (this.#told?.error) event.error = this.#told.error
    if (this.#told?.causes) event.causes = this.#told.causes
    if (this.#directive !== undefined) event.directive = this.#directive
    if (this.#delay !== undefined) event.delay = this.#delay
    if (this.#reason !== undefined) event.reason = this.#reason
    if (this.#count !== undefined) event.count = this.#count
    return event
  }
}
