import type { Clock } from '../../concurrency/clock.ts'
import { pathOf } from '../../resources/registry-path.ts'
import type { RegistrySource } from '../../resources/registry-types.ts'
import { watchEventLoop } from '../event-loop.ts'
import type { Figures } from '../history/entry.ts'
import { residentBytes } from '../process-usage.ts'

/** What is measured of the process and its machine; a test gives its own. */
export interface Measured {
  /** Seconds that timers fired late since the call before. */
  delay(): { readonly median: number; readonly p99: number; readonly longest: number }
  /** Resident bytes of this process. */
  memory(): number
  /** Resident bytes of another process, where the system tells. */
  memoryOf(pid: number): number | undefined
  /** Ends the measuring. */
  close(): void
}

/** Measures the process that it runs in. */
export function measureProcess(): Measured {
  const watch = watchEventLoop()
  return {
    delay: () => watch.take(),
    memory: () => process.memoryUsage.rss(),
    memoryOf: residentBytes,
    close: () => watch.stop(),
  }
}

/** What is generated. */
export interface Traffic {
  /** Tokens since the start. */
  readonly tokens: number
  /** Generations that run, and those that wait. */
  readonly running: number
  readonly waiting: number
}

/** Asking for the memory of a process reads a file: more than so many processes are not asked. */
const MOST_PROCESSES = 128

const MS_PER_SECOND = 1_000

/** Gathers the figures of one look. */
export class FigureReader {
  readonly #measured: Measured
  readonly #traffic: (() => Traffic) | undefined
  readonly #clock: Clock
  #states: Record<string, number> = {}
  #processes: Record<string, number> = {}
  #processCount = 0
  #tokensBefore: { readonly tokens: number; readonly at: number } | undefined

  constructor(measured: Measured, traffic: (() => Traffic) | undefined, clock: Clock) {
    this.#measured = measured
    this.#traffic = traffic
    this.#clock = clock
    if (traffic) this.#tokensBefore = { tokens: traffic().tokens, at: clock.now() }
  }

  begin(): void {
    this.#states = {}
    this.#processes = {}
    this.#processCount = 0
  }

  add(source: RegistrySource): void {
    const { state } = source
    this.#states[state] = (this.#states[state] ?? 0) + 1
    const pid = pidOf(source)
    if (pid === undefined || this.#processCount >= MOST_PROCESSES) return
    this.#processCount += 1
    const bytes = this.#measured.memoryOf(pid)
    if (bytes !== undefined) this.#processes[pathOf(source.parent, source.id)] = bytes
  }

  end(): Figures {
    const { median, p99, longest } = this.#measured.delay()
    return {
      states: this.#states,
      delay: { median: median * MS_PER_SECOND, p99: p99 * MS_PER_SECOND, longest: longest * MS_PER_SECOND },
      memory: this.#measured.memory(),
      processes: this.#processes,
      ...this.#generating(),
    }
  }

  close(): void {
    this.#measured.close()
  }

  #generating(): Pick<Figures, 'tokensPerSecond' | 'running' | 'waiting'> {
    if (!this.#traffic) return {}
    const { tokens, running, waiting } = this.#traffic()
    const at = this.#clock.now()
    const before = this.#tokensBefore
    this.#tokensBefore = { tokens, at }
    const passed = before ? (at - before.at) / MS_PER_SECOND : 0
    return { tokensPerSecond: passed > 0 ? (tokens - (before?.tokens ?? 0)) / passed : 0, running, waiting }
  }
}

/** The process that a resource runs, if its client tells. A client is somebody else's: it may throw when it is asked. */
function pidOf({ ref }: RegistrySource): number | undefined {
  try {
    const pid = (ref.client as { readonly pid?: unknown } | undefined)?.pid
    return typeof pid === 'number' && pid > 0 && pid !== process.pid ? pid : undefined
  } catch {
    return undefined
  }
}
