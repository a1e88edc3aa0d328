/** What the exit code of a command means. */
export const exitCodes = {
  /** The command did what it was asked for. */
  done: 0,
  /** The command failed. */
  failed: 1,
  /** The command was called in a wrong way, or the configuration has faults: calling it again changes nothing. */
  usage: 2,
  /** The user pressed Ctrl+C. */
  interrupted: 130,
} as const

/** One of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]
