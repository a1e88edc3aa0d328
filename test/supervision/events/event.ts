import type { ResourceLog } from '../../../src/resources/log.ts'
import type { SupervisionEvent } from '../../../src/supervision/events/types.ts'

/** An event as a supervisor would make it. */
export const anEvent = (changes: Partial<SupervisionEvent> = {}): SupervisionEvent => ({
  type: 'failed',
  at: 0,
  supervisor: 'root',
  name: 'a',
  kind: 'thing',
  incarnation: 1,
  attempt: 0,
  window: { used: 0, limit: 3, within: 60_000 },
  ...changes,
})

/** A log that keeps its lines. */
export function keepingLog() {
  const lines: { level: string; message: string; facts: Record<string, unknown> }[] = []
  const level = (name: string) => (facts: object, message: string) =>
    void lines.push({ level: name, message, facts: { ...facts } })
  const log: ResourceLog = {
    debug: level('debug'),
    info: level('info'),
    warn: level('warn'),
    error: level('error'),
  }
  return { log, lines, messages: () => lines.map(({ level: how, message }) => `${how} ${message}`) }
}
