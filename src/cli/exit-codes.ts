/** What the exit code of a command means. */
export const exitCodes = {
  /** The command did what it was asked for. */
  done: 0,
  /** The command failed. */
  failed: 1,
  /** The command was called in a wrong way, or the configuration has faults: calling it again changes nothing. */
  usage: 2,
  /** The node stopped, but a phase of its shutdown was not done by its deadline. */
  incomplete: 3,
  /** The user pressed Ctrl+C: a command that was still at work, or a shutdown that a second Ctrl+C forced. */
  interrupted: 130,
  /** A second SIGTERM forced the shutdown. */
  terminated: 143,
} as const

/** One of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]
