import { VirtualClock } from '../../../src/concurrency/virtual-clock.ts'
import { createMonitor, type MonitorInput } from '../../../src/observe/monitor/create-monitor.ts'
import { Registry } from '../../../src/resources/registry.ts'
import { EventStream } from '../../../src/supervision/events/stream.ts'
import { supervise } from '../../../src/supervision/supervise.ts'
import type { AnyChildSpec, SupervisionRecord, SupervisorInput } from '../../../src/supervision/types.ts'
import { calm } from '../../supervision/tree.ts'

/** An evening, so that a night can pass: 22:00 UTC. */
export const evening = Date.UTC(2026, 10, 20, 22)

export const minutes = (count: number): number => count * 60_000
export const hours = (count: number): number => count * 3_600_000

/** A tree under a virtual clock with its monitor, whose figures a test sets. */
export async function watched(
  children: readonly AnyChildSpec[],
  input: Partial<MonitorInput> & Pick<SupervisorInput, 'policies'> = {},
) {
  const { policies = { default: calm }, ...more } = input
  const clock = new VirtualClock()
  const lines: { readonly facts: object; readonly message: string }[] = []
  const note = (facts: object, message: string) => void lines.push({ facts, message })
  const log = { debug: note, info: note, warn: note, error: note }
  const registry = new Registry(log)
  const events = new EventStream({ clock, log })
  const told: SupervisionRecord[] = []
  events.subscribe(record => {
    if (record.type === 'problem' || record.type === 'problem_over') told.push(record)
  })
  const root = await supervise({ name: 'node', clock, log, registry, events, children, policies })
  const figures = { p99: 0.001, memory: 100 * 2 ** 20 }
  const monitor = await createMonitor({
    root,
    registry,
    events,
    clock,
    log,
    now: () => evening + clock.now(),
    measured: {
      delay: () => ({ median: 0, p99: figures.p99, longest: figures.p99 }),
      memory: () => figures.memory,
      memoryOf: () => undefined,
      close: () => undefined,
    },
    ...more,
  })
  return {
    clock,
    root,
    registry,
    events,
    monitor,
    figures,
    lines,
    /** What was told of problems, in short. */
    told: () => told.map(record => `${record.type} ${'name' in record ? record.name : ''}`),
    reasons: () => told.map(record => ('reason' in record ? record.reason : '')),
    async [Symbol.asyncDispose]() {
      await monitor.close()
      await root.close()
    },
  }
}
