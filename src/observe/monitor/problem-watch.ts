import type { Problem, ProblemType } from './types.ts'

/** What one look found of one resource. What it does not find is well. */
export interface Finding extends Omit<Problem, 'since' | 'recovering'> {
  /** False: it is not well enough for a problem to be over, and not bad enough for one to begin. */
  readonly isBad: boolean
}

/** What one look has changed. */
export interface ProblemChanges {
  readonly began: readonly Problem[]
  readonly over: readonly Problem[]
}

/** Figures jump: they are bad, or well again, after so many looks in a row. */
const LOOKS = 3

/** What lasts for some time by its own definition is a problem at the first look that finds it. */
const looksUntilBad: Readonly<Record<ProblemType, number>> = {
  state: 1,
  restarts: 1,
  memory: LOOKS,
  delay: LOOKS,
}

interface Watched {
  finding: Finding
  /** Looks in a row that found it bad, and that found it well. */
  bad: number
  well: number
  since: number | undefined
}

const keyOf = ({ type, path }: Pick<Finding, 'type' | 'path'>): string => `${type} ${path}`

const problemOf = ({ finding: { isBad: _, ...finding }, since, well }: Watched): Problem => ({
  ...finding,
  since: since ?? 0,
  recovering: well > 0,
})

/**
 * Makes problems out of findings, so that one begins once and ends once: it ends when three looks in a row found everything well, and what
 * lies between well and bad changes nothing.
 */
export class ProblemWatch {
  readonly #watched = new Map<string, Watched>()

  /** The problems that there are, oldest first. */
  get problems(): readonly Problem[] {
    return [...this.#watched.values()]
      .filter(({ since }) => since !== undefined)
      .map(problemOf)
      .sort((a, b) => a.since - b.since)
  }

  /** @param now milliseconds since 1970 */
  look(findings: Iterable<Finding>, now: number): ProblemChanges {
    const began: Problem[] = []
    const over: Problem[] = []
    const found = new Set<string>()
    for (const finding of findings) {
      found.add(keyOf(finding))
      const problem = this.#found(finding, now)
      if (problem) began.push(problem)
    }
    for (const [key, watched] of this.#watched) {
      if (found.has(key)) continue
      watched.bad = 0
      watched.well += 1
      if (watched.since !== undefined && watched.well < LOOKS) continue
      this.#watched.delete(key)
      if (watched.since !== undefined) over.push(problemOf(watched))
    }
    return { began, over }
  }

  #found(finding: Finding, now: number): Problem | undefined {
    const key = keyOf(finding)
    const known = this.#watched.get(key)
    if (!known && !finding.isBad) return undefined
    const watched: Watched = known ?? { finding, bad: 0, well: 0, since: undefined }
    this.#watched.set(key, watched)
    watched.well = 0
    if (!finding.isBad) {
      watched.bad = 0
      // One that is no problem yet begins anew.
      if (watched.since === undefined) this.#watched.delete(key)
      return undefined
    }
    watched.finding = finding
    watched.bad += 1
    if (watched.since !== undefined || watched.bad < looksUntilBad[finding.type]) return undefined
    watched.since = now
    return problemOf(watched)
  }
}
