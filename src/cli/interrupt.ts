import { exitCodes } from './exit-codes.ts'

/** How a command was asked to stop. */
export interface Interrupt {
  /** Fires at the first SIGINT, SIGTERM, or when the parent that holds our channel is gone. */
  readonly signal: AbortSignal
  /** Waits for it. */
  readonly asked: Promise<'SIGINT' | 'SIGTERM' | 'disconnect'>
  /** Stops listening. */
  dispose(): void
}

/** One Ctrl+C can come twice: from the terminal to the whole process group, and again from npm, which passes it on. */
const SAME_PRESS_MS = 500

/**
 * Listens for the wish to stop. The first one is for the command to handle in order; a second Ctrl+C or SIGTERM ends the
 * process at once with 130 or 143, for people whose first one hangs.
 */
export function onInterrupt(): Interrupt {
  const controller = new AbortController()
  let tell: (how: 'SIGINT' | 'SIGTERM' | 'disconnect') => void = () => {}
  const asked = new Promise<'SIGINT' | 'SIGTERM' | 'disconnect'>(resolve => {
    tell = resolve
  })
  let askedAt = Number.POSITIVE_INFINITY
  const stop = (how: 'SIGINT' | 'SIGTERM' | 'disconnect') => {
    const now = performance.now()
    if (how !== 'disconnect' && now - askedAt > SAME_PRESS_MS)
      process.exit(how === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated)
    askedAt = Math.min(askedAt, now)
    tell(how)
    controller.abort(how)
  }
  const interrupted = () => stop('SIGINT')
  const terminated = () => stop('SIGTERM')
  const orphaned = () => stop('disconnect')
  process.on('SIGINT', interrupted)
  process.on('SIGTERM', terminated)
  if (process.channel) process.on('disconnect', orphaned)
  return {
    signal: controller.signal,
    asked,
    dispose() {
      process.off('SIGINT', interrupted)
      process.off('SIGTERM', terminated)
      process.off('disconnect', orphaned)
    },
  }
}
