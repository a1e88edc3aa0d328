/** Where the runtime logs to; a pino logger fits. */
export interface ResourceLog {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
  /** False: lines of that level go nowhere, so that nobody needs to make them. Without this function all are made. */
  isLevelEnabled?(level: 'debug' | 'info' | 'warn' | 'error'): boolean
}

const ignore = (): void => undefined

/** Logs nothing. */
export const silentLog: ResourceLog = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  isLevelEnabled: () => false,
}

/** The same log with some facts added to each line. */
export function bindLog(log: ResourceLog, bound: object): ResourceLog {
  return {
    debug: (facts, message) => log.debug({ ...bound, ...facts }, message),
    info: (facts, message) => log.info({ ...bound, ...facts }, message),
    warn: (facts, message) => log.warn({ ...bound, ...facts }, message),
    error: (facts, message) => log.error({ ...bound, ...facts }, message),
    isLevelEnabled: level => log.isLevelEnabled?.(level) ?? true,
  }
}
