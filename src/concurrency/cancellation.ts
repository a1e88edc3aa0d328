import { ExovisorError } from '../errors.ts'

/**
 * What a cancelled piece of work throws at its next checkpoint: EXO_ABORTED, with the reason as its cause. One object for each scope
 * that was cancelled, thrown again at every checkpoint below it: cancellation is level-triggered, so swallowing it once hides nothing.
 */
export class Cancelled extends ExovisorError {
  constructor(what: string, reason: unknown) {
    super('EXO_ABORTED', `${what} was cancelled${reason === undefined ? '' : `: ${said(reason)}`}`, {
      cause: reason,
    })
  }
}

/** Something that may be cancelled, and stays cancelled. A {@link CancelScope} is one. */
export interface CancelSource {
  readonly isCancelled: boolean
  /** What those throw who wait under it, once it is cancelled: the same object each time. */
  cancelled(): Cancelled
  /** Calls the listener once when it is cancelled; at once if it is already. The result forgets the listener. */
  onCancel(listener: () => void): () => void
}

/** What makes a wait end before its time: a scope, or an AbortSignal of somebody else. */
export type Cancellation = CancelSource | AbortSignal

const nothing = (): void => undefined

const said = (reason: unknown): string => (reason instanceof Error ? reason.message : String(reason))

/** What was made of the reason of a signal that is aborted, so that all who wait under it are told by one object. */
const ofSignals = new WeakMap<AbortSignal, Cancelled>()

class SignalSource implements CancelSource {
  readonly #signal: AbortSignal

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  get isCancelled(): boolean {
    return this.#signal.aborted
  }

  cancelled(): Cancelled {
    const { reason } = this.#signal
    if (reason instanceof Cancelled) return reason
    const known = ofSignals.get(this.#signal)
    if (known) return known
    const cancelled = new Cancelled('the work', reason)
    ofSignals.set(this.#signal, cancelled)
    return cancelled
  }

  onCancel(listener: () => void): () => void {
    if (this.#signal.aborted) {
      listener()
      return nothing
    }
    this.#signal.addEventListener('abort', listener, { once: true })
    return () => this.#signal.removeEventListener('abort', listener)
  }
}

const never: CancelSource = {
  isCancelled: false,
  cancelled: () => new Cancelled('the work', undefined),
  onCancel: () => nothing,
}

/** A signal as a {@link CancelSource}; nothing given is one that is never cancelled. */
export function cancelSource(cancellation: Cancellation | undefined): CancelSource {
  if (cancellation === undefined) return never
  return cancellation instanceof AbortSignal ? new SignalSource(cancellation) : cancellation
}

/** Throws if the wait that is about to begin is cancelled already. Every waiting function of this room begins with it. */
export function refuseCancelled(cancellation: Cancellation | undefined): void {
  const source = cancelSource(cancellation)
  if (source.isCancelled) throw source.cancelled()
}

/**
 * True for what only says that somebody was cancelled: a {@link Cancelled}, the AbortError that Node makes of one, and a group of nothing
 * but these, or a disposal that failed by one after a block that did.
 */
export function isCancellation(error: unknown): boolean {
  if (error instanceof Cancelled) return true
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isCancellation)
  if (!(error instanceof Error)) return false
  // By name: Node 20 has no SuppressedError, and whoever compiles `using` for it brings one along.
  if (error.name === 'SuppressedError' && 'error' in error && 'suppressed' in error)
    return isCancellation(error.error) && isCancellation(error.suppressed)
  return error.name === 'AbortError' && error.cause instanceof Cancelled
}
