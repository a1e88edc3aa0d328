/** What the two ends of a process say to each other beside the messages of its users. */
export const PING = 'exovisor.ping'
export const PONG = 'exovisor.pong'

/** True for what has that type. */
export const isOfType = (message: unknown, type: string): message is { readonly id: unknown } =>
  typeof message === 'object' && message !== null && 'type' in message && message.type === type

/**
 * The child's half of a `processResource`: answers its pings, and ends the process when the one that supervises it is gone. A process that is
 * stopped, or busy in a loop, does not answer, which is what pings are for: so call this in the thread that does the work.
 */
export function answerPings(): void {
  process.on('message', message => {
    if (isOfType(message, PING))
      process.send?.({ type: PONG, id: message.id }, undefined, undefined, () => {})
  })
  process.once('disconnect', () => process.exit())
}
