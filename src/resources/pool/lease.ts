import { ExovisorError } from '../../errors.ts'
import type { Member } from './member.ts'
import type { Lease } from './types.ts'

/** Where a lease goes when its holder is done with it. */
interface Lender<Client> {
  /** `discarded` is set when the holder calls the member broken. */
  takeBack(lease: MemberLease<Client>, discarded?: { readonly reason: unknown }): void
}

/** The {@link Lease} of one member. */
export class MemberLease<Client> implements Lease<Client> {
  readonly member: Member<Client>
  readonly holder: string | undefined
  readonly since: number
  readonly #lender: Lender<Client>
  readonly #client: Client
  #end: ExovisorError | undefined
  #isOver = false
  #abort: AbortController | undefined

  constructor(
    lender: Lender<Client>,
    member: Member<Client>,
    { since, holder }: { readonly since: number; readonly holder: string | undefined },
  ) {
    this.#lender = lender
    this.member = member
    this.#client = member.client
    this.since = since
    this.holder = holder
  }

  get client(): Client {
    if (!this.#isOver) return this.#client
    throw new ExovisorError('EXO_RESOURCE_CLOSED', `the lease of ${this.member.label} is over`, {
      cause: this.#end,
    })
  }

  get signal(): AbortSignal {
    // Made on demand: most borrowers never ask, and it would be the dearest part of a lease.
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#end) this.#abort.abort(this.#end)
    }
    return this.#abort.signal
  }

  /** Ends the lease by its holder's word. False when it was over already. */
  finish(): boolean {
    const wasOver = this.#isOver
    this.#isOver = true
    return !wasOver
  }

  /** Ends the lease because the member is gone. */
  revoke(reason: ExovisorError): void {
    if (!this.finish()) return
    this.#end = reason
    this.#abort?.abort(reason)
  }

  release(): void {
    this.#lender.takeBack(this)
  }

  discard(reason?: unknown): void {
    this.#lender.takeBack(this, { reason })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release()
  }
}
