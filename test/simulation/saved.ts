import { readFileSync, writeFileSync } from 'node:fs'
import type { Scenario } from './scenario.ts'

/** A world that broke a promise, as it is kept in a file. */
export interface SavedWorld {
  readonly found?: string | undefined
  readonly invariant?: string | undefined
  readonly scenario: Scenario
}

/** Times that have no end are null in a file: JSON has no infinity. A supervisor may start for ever. */
const endless = (key: string, value: unknown): unknown =>
  key === 'startTimeout' && value === null ? Number.POSITIVE_INFINITY : value

export function readWorld(file: string): SavedWorld {
  return JSON.parse(readFileSync(file, 'utf8'), endless) as SavedWorld
}

export function writeWorld(file: string, world: SavedWorld): void {
  writeFileSync(file, `${JSON.stringify(world, null, 1)}\n`)
}
