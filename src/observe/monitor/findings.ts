import type { Figures } from '../history/entry.ts'
import { spanText } from '../span-text.ts'
import type { OpenOutage } from './outages.ts'
import type { Finding } from './problem-watch.ts'
import type { Thresholds } from './types.ts'

/** A figure must fall by a tenth below its threshold before it counts as well. */
const WELL = 0.9

const MEBIBYTE = 2 ** 20

/** What one look has seen. */
export interface Look {
  /** Milliseconds since 1970. */
  readonly now: number
  /** The path of the root, which stands for the node. */
  readonly root: string
  readonly figures: Figures
  readonly outages: Iterable<OpenOutage>
  /** Restarts within an hour, by path. */
  readonly restarts: Iterable<readonly [path: string, count: number]>
  kindOf(path: string): string
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / MEBIBYTE)} MiB`

/** What of it is bad by the thresholds, or nearly so. */
export function* findings(look: Look, thresholds: Thresholds): Generator<Finding> {
  for (const outage of look.outages) yield* stateFinding(outage, look.now, thresholds)
  yield* restartFindings(look, thresholds)
  yield* figureFindings(look, thresholds)
}

function* stateFinding(
  { path, kind, phase, began, error, isFinal }: OpenOutage,
  now: number,
  { degraded }: Thresholds,
): Generator<Finding> {
  if (now - began < degraded && !isFinal) return
  const how = phase === 'degraded' ? 'DEGRADED' : 'down'
  const lasting = isFinal
    ? 'has failed and is not restarted'
    : `is ${how}, out of order for ${spanText(now - began)}`
  const why = error ? `: ${error.message}` : ''
  yield { type: 'state', path, kind, isBad: true, message: `${lasting}${why}`, ...(error && { error }) }
}

function* restartFindings({ restarts, kindOf }: Look, thresholds: Thresholds): Generator<Finding> {
  const limit = thresholds.restarts
  for (const [path, count] of restarts) {
    if (count <= limit * WELL && count < limit) continue
    const message = `was restarted ${count} times within an hour, the threshold is ${limit}`
    yield { type: 'restarts', path, kind: kindOf(path), isBad: count >= limit, message }
  }
}

function* figureFindings({ figures, root, kindOf }: Look, { memory, delay }: Thresholds): Generator<Finding> {
  const late = figures.delay.p99
  if (late > delay * WELL)
    yield {
      type: 'delay',
      path: root,
      kind: kindOf(root),
      isBad: late >= delay,
      message: `the event loop is ${Math.round(late)} ms late at its 99th percentile, the threshold is ${delay} ms`,
    }
  if (memory === undefined) return
  for (const [path, bytes] of [[root, figures.memory] as const, ...Object.entries(figures.processes)]) {
    if (bytes <= memory * WELL) continue
    const message = `its process holds ${mebibytes(bytes)}, the threshold is ${mebibytes(memory)}`
    yield { type: 'memory', path, kind: kindOf(path), isBad: bytes >= memory, message }
  }
}
