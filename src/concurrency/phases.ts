import { ExovisorError } from '../errors.ts'
import type { Clock } from './clock.ts'
import { limited } from './limit.ts'

/** One step of an orderly end. */
export interface Phase {
  /** Unique, and what reports call it, e.g. `drain`. */
  readonly name: string
  /** The phases that must be over before it begins, whether they were done in time or not. */
  readonly after: readonly string[]
  /** Milliseconds that it may take. Infinite is allowed. */
  readonly limit: number
  /** The work. The signal is aborted when its time is over; it is not waited for any longer then. */
  readonly run: (signal: AbortSignal) => unknown
}

/** How a phase went. */
export interface PhaseReport {
  readonly name: string
  /** `late`: its time was over before it was done, and it was left behind. `failed`: it threw. */
  readonly outcome: 'done' | 'late' | 'failed'
  /** Milliseconds that it took. */
  readonly took: number
  readonly error?: unknown
}

export interface PhaseOptions {
  readonly clock: Clock
  /** Told of each phase as it begins, and as it is over. */
  readonly onPhase?: (phase: { readonly name: string; readonly report?: PhaseReport }) => void
}

/**
 * Runs phases as a graph: each as soon as those before it are over, independent ones side by side. A phase that fails or is late
 * holds up nobody: an end is gone through with, and the reports say what was left behind.
 *
 * @returns one report for each phase, in the order in which they were over
 * @throws EXO_OPTION_INVALID when a name comes twice, or a phase is after one that is not there or after itself, over however many
 */
export async function runPhases(
  phases: readonly Phase[],
  { clock, onPhase }: PhaseOptions,
): Promise<readonly PhaseReport[]> {
  checkPhases(phases)
  const reports: PhaseReport[] = []
  const over = new Map<string, Promise<void>>()
  const run = async (phase: Phase): Promise<void> => {
    await Promise.all(phase.after.flatMap(name => over.get(name) ?? []))
    onPhase?.({ name: phase.name })
    const report = await runOne(phase, clock)
    reports.push(report)
    onPhase?.({ name: phase.name, report })
  }
  for (const phase of inOrder(phases)) over.set(phase.name, run(phase))
  await Promise.all(over.values())
  return reports
}

async function runOne({ name, limit, run }: Phase, clock: Clock): Promise<PhaseReport> {
  const began = clock.now()
  const late = new ExovisorError('EXO_DEADLINE_EXCEEDED', `the phase ${name} took longer than ${limit} ms`)
  const report = (outcome: PhaseReport['outcome'], error?: unknown): PhaseReport => ({
    name,
    outcome,
    took: clock.now() - began,
    ...(error !== undefined && { error }),
  })
  const { signal } = new AbortController()
  try {
    await limited({ clock, timeout: limit, timeoutError: () => late, signal }, async aborted => {
      await run(aborted)
    })
    return report('done')
  } catch (error) {
    return report(error === late ? 'late' : 'failed', error)
  }
}

function checkPhases(phases: readonly Phase[]): void {
  const names = phases.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw invalid(`the phase ${twice} is there twice`)
  for (const { name, after } of phases) {
    const unknown = after.find(before => !names.includes(before))
    if (unknown !== undefined)
      throw invalid(`the phase ${name} is after ${unknown}, expected one of ${names.join(', ')}`)
  }
}

/** Each phase after those before it (Kahn, "Topological sorting of large networks", 1962). */
function inOrder(phases: readonly Phase[]): readonly Phase[] {
  const ordered: Phase[] = []
  let rest = phases
  while (rest.length > 0) {
    const free = rest.filter(({ after }) => after.every(name => ordered.some(phase => phase.name === name)))
    if (free.length === 0)
      throw invalid(`the phases ${rest.map(({ name }) => name).join(', ')} wait for each other`)
    ordered.push(...free)
    rest = rest.filter(phase => !free.includes(phase))
  }
  return ordered
}

const invalid = (message: string): ExovisorError => new ExovisorError('EXO_OPTION_INVALID', message)
