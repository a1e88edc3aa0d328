import { pathOf } from './registry-path.ts'

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

const guarded = new WeakSet<ResourceLog>([silentLog])

/** The same log, whose own faults go no further: a line is lost then, not the supervision that wanted to say something. */
export function guardedLog(log: ResourceLog): ResourceLog {
  if (guarded.has(log)) return log
  const quietly =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (facts: object, message: string): void => {
      try {
        log[level](facts, message)
      } catch {
        // There is nowhere left to tell it.
      }
    }
  const safe: ResourceLog = {
    debug: quietly('debug'),
    info: quietly('info'),
    warn: quietly('warn'),
    error: quietly('error'),
    isLevelEnabled: level => {
      try {
        return log.isLevelEnabled?.(level) ?? true
      } catch {
        return true
      }
    },
  }
  guarded.add(safe)
  return safe
}

/** The same log with some facts added to each line. */
function bindLog(log: ResourceLog, bound: object): ResourceLog {
  return {
    debug: (facts, message) => log.debug({ ...bound, ...facts }, message),
    info: (facts, message) => log.info({ ...bound, ...facts }, message),
    warn: (facts, message) => log.warn({ ...bound, ...facts }, message),
    error: (facts, message) => log.error({ ...bound, ...facts }, message),
    isLevelEnabled: level => log.isLevelEnabled?.(level) ?? true,
  }
}

/**
 * A log for lines about one resource: each says which, by its kind, its path and its incarnation.
 *
 * @param place the log of the runtime, and the path of the supervisor, if it has one
 */
export function aboutResource(
  { log, path = '' }: { readonly log: ResourceLog; readonly path?: string },
  { kind, name, incarnation }: { readonly kind: string; readonly name: string; readonly incarnation: number },
): ResourceLog {
  return bindLog(log, { kind, resource: pathOf(path, name), incarnation })
}
