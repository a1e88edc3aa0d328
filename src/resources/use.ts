import { realClock } from '../concurrency/clock.ts'
import { refuseAborted } from '../concurrency/refuse-aborted.ts'
import { type CancelTimer, schedule } from '../concurrency/timer.ts'
import type { WaitOptions } from '../concurrency/wait.ts'
import { ExovisorError } from '../errors.ts'
import { type CreateOptions, createResource, type OwnedResource } from './create.ts'
import { defaultTiming, type ShutdownLimit } from './environment.ts'
import type { ResourceDefinition } from './types.ts'

/** How a resource is created for one piece of work. `timeout`, in milliseconds, limits the start, not the work. */
export interface UseOptions<Input> extends CreateOptions<Input>, WaitOptions {}

/** What the work gets beside the client. */
export interface UseContext<Client, Message> {
  /** Aborted when the caller gives up, or when the resource fails or is closed under the work. */
  readonly signal: AbortSignal
  readonly resource: OwnedResource<Client, Message>
}

type Outcome<Result> =
  | { readonly ok: true; readonly value: Result }
  | { readonly ok: false; readonly error: unknown }

const labelOf = ({ kind, name }: { readonly kind: string; readonly name: string }): string =>
  `${kind} ${JSON.stringify(name)}`

function graceOf(limit: ShutdownLimit): number {
  if (limit === 'infinity') return Number.POSITIVE_INFINITY
  return limit === 'kill' ? 0 : limit
}

/** Calls `giveUp` with the reason, at most once, when the work is to end early. The result ends the watching. */
function watchReasonsToEnd<Client, Message>(
  resource: OwnedResource<Client, Message>,
  signal: AbortSignal | undefined,
  giveUp: (reason: ExovisorError) => void,
): () => void {
  const label = labelOf(resource)
  const abort = (): void => {
    giveUp(new ExovisorError('EXO_ABORTED', `work with ${label} was cancelled`, { cause: signal?.reason }))
  }
  const lost = (): void => {
    const closed = new ExovisorError('EXO_RESOURCE_CLOSED', `${label} was closed while work was done with it`)
    giveUp((resource.state === 'ERROR' && resource.failure) || closed)
  }
  const unsubscribe = resource.subscribe(({ state }) => {
    if (state !== 'READY' && state !== 'DEGRADED') lost()
  })
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted) abort()
  else if (resource.client === undefined) lost()
  return () => {
    unsubscribe()
    signal?.removeEventListener('abort', abort)
  }
}

/** Runs the work. When it is to end early it has the time of a cleanup to do so, and is left behind after that. */
function perform<Client, Message, Result>(
  resource: OwnedResource<Client, Message>,
  { clock = realClock, shutdown = defaultTiming.shutdown, signal }: UseOptions<unknown>,
  work: (signal: AbortSignal) => Result | Promise<Result>,
): Promise<Result> {
  return new Promise<Result>((resolve, reject) => {
    const inner = new AbortController()
    let cancelTimer: CancelTimer = () => undefined
    const stopWatching = watchReasonsToEnd(resource, signal, reason => {
      if (inner.signal.aborted) return
      cancelTimer = schedule(clock, graceOf(shutdown), () => reject(reason))
      inner.abort(reason)
    })
    // Called inside of a promise, so that work that throws at once rejects like any other.
    void Promise.resolve()
      .then(() => work(inner.signal))
      .finally(() => {
        stopWatching()
        cancelTimer()
      })
      .then(resolve, reject)
  })
}

/** Hangs what went wrong in the cleanup onto the error that wins. One that cannot hold it stays as it is; the log has both. */
function keepSuppressed(error: unknown, suppressed: ExovisorError): void {
  if (!(error instanceof Error) || Object.hasOwn(error, 'suppressed')) return
  Reflect.defineProperty(error, 'suppressed', {
    value: [suppressed],
    enumerable: true,
    configurable: true,
    writable: true,
  })
}

/**
 * Creates a resource, does some work with its client, and closes it: after a normal end, a throw and an abort alike, and always awaited.
 *
 * On an abort, or when the resource fails, the work's own signal is aborted. The work then has the time of `shutdown` (default: 5 s)
 * to end, so that it can still use the client for its own clearing up; after that the resource is closed without it.
 *
 * The error of the work wins. What goes wrong in the cleanup as well is kept in its property `suppressed`, an array; when the
 * work ended well, the cleanup's error is thrown.
 *
 * @example
 * const rows = await withResource(database, { input: { url }, signal }, (client, { signal }) =>
 *   client.query('select 1', { signal }),
 * )
 *
 * @throws what the work throws; what {@link OwnedResource.initialize} throws; EXO_ABORTED; EXO_SHUTDOWN_TIMEOUT or
 * EXO_RESOURCE_FAILED when only the cleanup went wrong
 */
export async function withResource<Input, Client, Message, Result>(
  definition: ResourceDefinition<Input, Client, Message>,
  options: UseOptions<Input>,
  work: (client: Client, context: UseContext<Client, Message>) => Result | Promise<Result>,
): Promise<Result> {
  const { signal, timeout } = options
  refuseAborted(signal, `work with a ${definition.kind}`)
  const resource = createResource(definition, options)
  let outcome: Outcome<Result>
  try {
    const limits = { ...(timeout !== undefined && { timeout }), ...(signal && { signal }) }
    const client = await resource.initialize(limits)
    const value = await perform(resource, options, inner => work(client, { signal: inner, resource }))
    outcome = { ok: true, value }
  } catch (error) {
    outcome = { ok: false, error }
  }
  await resource.close(outcome.ok ? 'the work with it has ended' : 'the work with it failed')
  const { cleanupFailure } = resource
  if (!outcome.ok) {
    if (cleanupFailure) keepSuppressed(outcome.error, cleanupFailure)
    throw outcome.error
  }
  if (cleanupFailure) throw cleanupFailure
  return outcome.value
}
