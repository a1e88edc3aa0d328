import type { ErrorRecord } from '../../errors.ts'
import { pathOf } from '../../resources/registry-path.ts'
import type { SupervisionEvent } from '../../supervision/types.ts'
import type { Outage } from '../history/entry.ts'

type Phase = 'down' | 'degraded'

/** What a supervisor says of a child that failed and which its policy does not bring back. */
const FAILED_FOR_GOOD = 'it failed and is not restarted'

/** A resource that does not work as it should at this moment. */
export interface OpenOutage {
  readonly path: string
  readonly kind: string
  readonly phase: Phase
  /** Milliseconds since 1970. */
  readonly began: number
  readonly error: ErrorRecord | undefined
  /** True when its supervisor does not bring it back. */
  readonly isFinal: boolean
}

interface Draft extends Outage {
  path: string
  kind: string
  phase: Phase
  since: number
  down: number
  degraded: number
  error: OpenOutage['error']
  isFinal: boolean
  look: number
}

const phases: Partial<Record<SupervisionEvent['type'], Phase>> = {
  degraded: 'degraded',
  failed: 'down',
  start_error: 'down',
}
const ends: ReadonlySet<string> = new Set<SupervisionEvent['type']>([
  'ready',
  'restarted',
  'recovered',
  'ignored',
])

/**
 * Which resources are DEGRADED, or down after a failure, from the events of their supervisors. Those that were so before the first event
 * are found by looks. Holds only what is out at the moment.
 */
export class Outages {
  readonly #open = new Map<string, Draft>()
  readonly #onOver: (path: string, outage: Outage) => void
  #look = 0

  constructor(onOver: (path: string, outage: Outage) => void) {
    this.#onOver = onOver
  }

  get open(): Iterable<OpenOutage> {
    return this.#open.values()
  }

  get size(): number {
    return this.#open.size
  }

  event({ type, supervisor, name, kind, error, reason }: SupervisionEvent, now: number): void {
    const phase = phases[type]
    if (phase) this.begin(pathOf(supervisor, name), kind, phase, now, error)
    else if (ends.has(type)) this.end(pathOf(supervisor, name), now)
    else if (type === 'stopped') this.#stopped(pathOf(supervisor, name), reason, now)
  }

  begin(path: string, kind: string, phase: Phase, now: number, error: OpenOutage['error']): void {
    const known = this.#open.get(path)
    if (known) {
      count(known, now)
      Object.assign(known, { phase, error: error ?? known.error, isFinal: false })
      return
    }
    const times = { began: now, since: now, down: 0, degraded: 0 }
    this.#open.set(path, { path, kind, phase, ...times, error, isFinal: false, look: this.#look })
  }

  end(path: string, now: number): void {
    const outage = this.#open.get(path)
    if (!outage) return
    this.#open.delete(path)
    this.#onOver(path, times(outage, now))
  }

  /** The open outages with their times so far. */
  *times(now: number): Generator<readonly [path: string, outage: Outage]> {
    for (const outage of this.#open.values()) yield [outage.path, times({ ...outage }, now)]
  }

  /** A look at all resources begins. */
  lookBegins(): void {
    this.#look += 1
  }

  /** A look has met a resource that is out. */
  met(path: string): void {
    const outage = this.#open.get(path)
    if (outage) outage.look = this.#look
  }

  has(path: string): boolean {
    return this.#open.has(path)
  }

  /** What the look has not met is not there any more. */
  lookEnds(now: number): void {
    for (const { path, look } of [...this.#open.values()]) if (look < this.#look) this.end(path, now)
  }

  #stopped(path: string, reason: string | undefined, now: number): void {
    const outage = this.#open.get(path)
    if (outage && reason === FAILED_FOR_GOOD) outage.isFinal = true
    else this.end(path, now)
  }
}

/** Adds the time of the phase that ends. */
function count(outage: Draft, now: number): void {
  outage[outage.phase] += Math.max(0, now - outage.since)
  outage.since = now
}

function times(outage: Draft, now: number): Outage {
  count(outage, now)
  const { began, down, degraded } = outage
  return { began, down, degraded }
}
