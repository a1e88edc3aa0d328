import type { Clock } from '../concurrency/clock.ts'
import { detach } from '../concurrency/detach.ts'
import { schedule } from '../concurrency/timer.ts'
import { ExovisorError, thrownText } from '../errors.ts'
import type { ShutdownLimit } from './environment.ts'

/** How long a cleanup may take that was told to kill. */
const KILL_WAIT_MS = 1_000

interface Release<Client> {
  readonly label: string
  readonly clock: Clock
  readonly limit: ShutdownLimit
  /** Settles when initialising has: with its result, or with undefined when it failed. Never rejects. */
  readonly acquired: Promise<Client | undefined>
  /** Ends what runs in the background, before the cleanup. What it throws hinders no cleanup. */
  endTasks?: (() => Promise<void>) | undefined
  cleanup(client: Client | undefined, signal: AbortSignal): Promise<void> | undefined
  onError(error: ExovisorError): void
}

function milliseconds(limit: ShutdownLimit): number {
  if (limit === 'infinity') return Number.POSITIVE_INFINITY
  return limit === 'kill' ? KILL_WAIT_MS : limit
}

/**
 * Runs a cleanup once, after initialising has settled, and gives the event that ends CLOSING. When the time is over before,
 * the cleanup is left behind: it still runs to its end, but nobody waits.
 */
export function release<Client>(task: Release<Client>): Promise<'closed' | 'shutdown.timeout'> {
  const { label, clock, limit, acquired, endTasks, cleanup, onError } = task
  const ms = milliseconds(limit)
  const abort = new AbortController()
  const timeoutError = (): ExovisorError =>
    new ExovisorError('EXO_SHUTDOWN_TIMEOUT', `${label} did not finish its cleanup within ${ms} ms`)
  if (limit === 'kill') abort.abort(new ExovisorError('EXO_ABORTED', `${label} is to release at once`))
  return new Promise(resolve => {
    const cancelTimer = schedule(clock, ms, () => {
      const error = timeoutError()
      onError(error)
      abort.abort(error)
      resolve('shutdown.timeout')
    })
    const ready = endTasks
      ? acquired.then(client =>
          endTasks()
            .catch(onError)
            .then(() => client),
        )
      : acquired
    detach(
      ready
        .then(client => cleanup(client, abort.signal))
        .catch((cause: unknown) => {
          onError(
            new ExovisorError('EXO_RESOURCE_FAILED', `the cleanup of ${label} failed: ${thrownText(cause)}`, {
              cause,
            }),
          )
        })
        .then(() => {
          cancelTimer()
          resolve('closed')
        }),
    )
  })
}
