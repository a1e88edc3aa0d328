import { type Clock, realClock } from './clock.ts'

/** Waits until the event loop had its turn: sockets and timers are served meanwhile. */
export function nextTurn(clock: Pick<Clock, 'nextTurn'> = realClock): Promise<void> {
  return new Promise(resolve => clock.nextTurn(resolve))
}
