import type { MachineActor } from '../actors/machine-actor.ts'
import type { Mailbox } from '../actors/mailbox.ts'
import { summarize } from '../actors/summary.ts'
import { toErrorRecord } from '../errors.ts'
import type { Audience } from './audience.ts'
import type { TraceEvent } from './trace.ts'

/** What the traces of one ref hang on: its mailbox, and the actor of its current incarnation. On neither while nobody traces. */
export class RefTracing<Message> {
  readonly #audience: Audience
  readonly #mailbox: Mailbox<Message>
  #unwatch: () => void = () => undefined

  constructor(audience: Audience, mailbox: Mailbox<Message>) {
    this.#audience = audience
    this.#mailbox = mailbox
  }

  /** @param actor that of the current incarnation, if there is one */
  add(listener: (event: TraceEvent) => void, actor: MachineActor | undefined): () => void {
    const leave = this.#audience.trace(listener)
    this.#mailbox.tracer = (type, { message, from }, error) =>
      this.#audience.traced({
        type,
        message: summarize(message),
        ...(from !== undefined && { from }),
        ...(error !== undefined && { error: toErrorRecord(error, 'EXO_RESOURCE_FAILED') }),
      })
    this.follow(actor)
    return () => {
      leave()
      if (this.#audience.isTracing) return
      this.#mailbox.tracer = undefined
      this.#unwatch()
    }
  }

  /** The actor of another incarnation has taken over. */
  follow(actor: MachineActor | undefined): void {
    this.#unwatch()
    if (!actor || !this.#audience.isTracing) return
    this.#unwatch = actor.watch((event, from, to) =>
      this.#audience.traced({ type: 'transition', event, from, to }),
    )
  }
}
