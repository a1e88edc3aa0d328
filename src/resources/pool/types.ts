import type { WaitOptions } from '../../concurrency/wait.ts'
import type { PoolStatistics } from './statistics.ts'

/** How a member is borrowed. */
export interface AcquireOptions extends WaitOptions {
  /** Milliseconds to wait at most. Default: the pool's `acquireTimeout`. */
  readonly timeout?: number
  /** Who borrows: named in reports of abandoned borrows, and to those who wait in vain. */
  readonly holder?: string
}

/** A borrowed member. Ends once: by `release`, by `discard`, or because the member or the pool has ended. */
export interface Lease<Client> extends AsyncDisposable {
  /**
   * The member's client.
   * @throws EXO_RESOURCE_CLOSED when the lease is over, so that nobody uses what somebody else has by now
   */
  readonly client: Client
  /** Aborted when the member is lost, or taken back, before it was released. */
  readonly signal: AbortSignal
  /** Gives the member back; one that is not READY any more, or too old, is closed. Does nothing when the lease is over. */
  release(): void
  /** Gives the member back as broken: it is closed, and its place is free for another. Does nothing when the lease is over. */
  discard(reason?: unknown): void
}

/** A borrow that lasted longer than the pool's `abandonedAfter`. */
export interface AbandonedBorrow {
  readonly pool: string
  /** The name of the member. */
  readonly member: string
  /** What the borrower said of itself. */
  readonly holder: string | undefined
  /** The clock's time of the borrowing. */
  readonly since: number
  /** Milliseconds. */
  readonly heldFor: number
}

/** A bounded number of alike resources that callers borrow and give back: the client of {@link poolResource}. */
export interface Pool<Client> {
  /**
   * Borrows a member: an idle one, the one that was used last first; else a new one, as long as there is a place; else the
   * next one that becomes free. Who has waited longest is served first.
   * @throws EXO_POOL_EXHAUSTED when none became free in time, or too many wait already; EXO_ABORTED;
   * EXO_RESOURCE_CLOSED when the pool is closed or drains; EXO_POOL_INVALID for a wrong timeout;
   * when the creation of a member for this caller failed, the reason of that with its own code
   */
  acquire(options?: AcquireOptions): Promise<Lease<Client>>
  /**
   * Borrows a member for the time of one call, and gives it back however the call ends.
   * @throws what {@link acquire} and `work` throw
   */
  use<Result>(
    work: (client: Client, lease: Lease<Client>) => Result | Promise<Result>,
    options?: AcquireOptions,
  ): Promise<Result>
  /** What has happened so far, and how it stands now: plain data. */
  statistics(): PoolStatistics
  /**
   * Lends nothing any more, refuses those who wait, waits up to `drainTimeout` for what is borrowed, and closes all members.
   * Then the pool ends in the normal way: its supervisor starts a permanent one anew. Resolves when no member is left.
   */
  drain(): Promise<void>
}
