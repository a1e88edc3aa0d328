import type { FastifyInstance } from 'fastify'
import type { Clock } from '../concurrency/clock.ts'
import { detach } from '../concurrency/detach.ts'
import { type WaitOptions, watchLimits } from '../concurrency/wait.ts'
import { ExovisorError } from '../errors.ts'
import type { RunningRequests } from './running-requests.ts'

/** How long answers that were cut off get to tell their callers so, in milliseconds. */
const farewellMs = 250

/** Waits for `settled`, but no longer than the limits say. */
function within(settled: Promise<void>, clock: Clock, limits: WaitOptions): Promise<void> {
  return new Promise(resolve => {
    const stop = watchLimits(clock, limits, { timeout: resolve, abort: () => resolve() })
    detach(
      settled.then(() => {
        stop()
        resolve()
      }),
    )
  })
}

const shutDown = () =>
  new ExovisorError('EXO_RESOURCE_CLOSED', 'the API shut down before the answer was complete')

/** Refuses new requests, and settles when none runs any more; cuts the rest off when the signal aborts. */
export async function drainRequests(requests: RunningRequests, signal: AbortSignal): Promise<void> {
  const cut = (): void => requests.abortAll(shutDown())
  requests.drain(shutDown())
  signal.addEventListener('abort', cut, { once: true })
  if (signal.aborted) cut()
  await requests.idle()
  signal.removeEventListener('abort', cut)
}

interface Drain {
  readonly requests: RunningRequests
  readonly clock: Clock
  readonly drainMs: number
  /** Ends the waiting before its time. */
  readonly signal: AbortSignal
}

/**
 * Makes closing orderly: accept nothing more, let running answers finish within the time, cut the rest off with an
 * error that says so, and leave no connection behind.
 */
export function addDrain(app: FastifyInstance, { requests, clock, drainMs, signal }: Drain): void {
  app.addHook('preClose', async () => {
    requests.drain(shutDown())
    if (app.server.listening) app.server.close()
    await within(requests.idle(), clock, { timeout: drainMs, signal })
    requests.abortAll(shutDown())
    await within(requests.idle(), clock, { timeout: farewellMs })
    app.server.closeAllConnections()
  })
}
