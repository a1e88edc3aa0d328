import { closeSync, openSync } from 'node:fs'

/** Whether the terminal that the process was started from is still there. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}

/** Who listens for SIGHUP. */
export interface Hangups {
  /** From now on this answers; also one that came before. */
  answer(reload: () => void): void
  /** Stops listening. */
  dispose(): void
}

/**
 * Listens for SIGHUP, which has two meanings: somebody asks the program to read its configuration again, or the terminal that it runs
 * in was closed. The second one ends the program as if nobody listened: nothing goes on running that nobody sees, and nothing is written to
 * a terminal that is gone, which Node does not survive.
 */
export function onHangup(): Hangups {
  const isInTerminal = process.stdin.isTTY === true || process.stdout.isTTY === true
  let came = false
  let answer = (): void => {
    came = true
  }
  const hungUp = (): void => {
    if (!isInTerminal || hasTerminal()) {
      answer()
      return
    }
    process.off('SIGHUP', hungUp)
    process.kill(process.pid, 'SIGHUP')
  }
  process.on('SIGHUP', hungUp)
  return {
    answer(reload) {
      answer = reload
      if (came) reload()
    },
    dispose: () => void process.off('SIGHUP', hungUp),
  }
}
