/** How a command was asked to stop. */
export interface Interrupt {
  /** Fires at the first SIGINT, SIGTERM, or when the parent that holds our channel is gone. */
  readonly signal: AbortSignal
  /** Waits for it. */
  readonly asked: Promise<'SIGINT' | 'SIGTERM' | 'disconnect'>
  /** Stops listening. */
  dispose(): void
}

/**
 * Listens for the wish to stop. The first one is for the command to handle in order; a second Ctrl+C ends the
 * process at once with 130, for people whose first one hangs.
 */
export function onInterrupt(): Interrupt {
  const controller = new AbortController()
  let tell: (how: 'SIGINT' | 'SIGTERM' | 'disconnect') => void = () => {}
  const asked = new Promise<'SIGINT' | 'SIGTERM' | 'disconnect'>(resolve => {
    tell = resolve
  })
  const stop = (how: 'SIGINT' | 'SIGTERM' | 'disconnect') => {
    if (controller.signal.aborted && how === 'SIGINT') process.exit(130)
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
