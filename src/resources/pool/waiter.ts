import { deferred } from '../../concurrency/deferred.ts'
import type { CancelTimer } from '../../concurrency/timer.ts'
import type { ExovisorError } from '../../errors.ts'
import type { Member } from './member.ts'
import type { Lease } from './types.ts'

/** One caller that waits for a member. */
export class Waiter<Client> {
  readonly since: number
  readonly holder: string | undefined
  /** The member that is being created or validated so that this caller can go on. */
  pledge: Member<Client> | undefined
  /** Creations that failed for this caller. */
  failures = 0
  lastError: ExovisorError | undefined
  /** True while the next creation for this caller waits for its delay. */
  isBackingOff = false
  cancelRetry: CancelTimer = () => undefined
  stopWatching: CancelTimer = () => undefined
  readonly #settled = deferred<Lease<Client>>()

  constructor(since: number, holder: string | undefined) {
    this.since = since
    this.holder = holder
  }

  get lease(): Promise<Lease<Client>> {
    return this.#settled.promise
  }

  serve(lease: Lease<Client>): void {
    this.#settled.resolve(lease)
  }

  refuse(error: ExovisorError): void {
    this.#settled.reject(error)
  }
}
