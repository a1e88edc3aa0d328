import { getEventListeners } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Lets everything run that waits for nothing but its turn. */
export const settled = (): Promise<void> => nextTurn()

/** How many listen to a signal. */
export const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

/** How a promise ended, as text: `waits`, `gave VALUE` or the code of what it threw. */
export function outcome(promise: Promise<unknown>): { readonly said: string } {
  const ended = { said: 'waits' }
  promise.then(
    value => {
      ended.said = value === undefined ? 'done' : `gave ${String(value)}`
    },
    (error: unknown) => {
      ended.said = String((error as { code?: unknown }).code ?? error)
    },
  )
  return ended
}

/** A signal that is aborted already. */
export const aborted = (): AbortSignal => AbortSignal.abort(new Error('stop'))

/** The code of what a call throws at once. */
export function codeOf(call: () => unknown): unknown {
  try {
    call()
    return 'nothing thrown'
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}
