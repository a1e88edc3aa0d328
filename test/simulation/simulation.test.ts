import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { addTally, emptyTally, playSeed } from './campaign.ts'
import { drawScenario } from './draw.ts'
import { invariants } from './invariants/index.ts'
import { play } from './play.ts'
import { failureReport } from './report.ts'
import { readWorld } from './saved.ts'

const SEEDS = 50
const MACHINE_SEEDS = 20
const REPEAT_EVERY = 10
const MAX_SEED = 2 ** 31

/** New seeds for each run: of the run in CI, or of the moment. */
const base = Number(process.env['GITHUB_RUN_ID'] ?? Date.now()) % MAX_SEED

const regressions = join(import.meta.dirname, 'regressions')

describe('worlds of supervisors under faults, commands and strange clocks', () => {
  it(`keep every promise, with ${SEEDS} seeds from ${base} on`, async () => {
    const sum = emptyTally()
    for (let seed = base; seed < base + SEEDS; seed += 1) addTally(sum, await playSeed(seed, REPEAT_EVERY))
    expect(sum.failures.map(failure => failureReport(failure, false)).join('\n\n')).toBe('')
    expect(sum.repeated).toBeGreaterThanOrEqual(Math.floor(SEEDS / REPEAT_EVERY))
  })

  it(`keep them and give the same trace with XState's own interpreter, with ${MACHINE_SEEDS} seeds from ${base} on`, async () => {
    const sum = emptyTally()
    for (let seed = base; seed < base + MACHINE_SEEDS; seed += 1)
      addTally(sum, await playSeed(seed, REPEAT_EVERY, true))
    expect(sum.failures.map(failure => failureReport(failure, true)).join('\n\n')).toBe('')
    expect(sum.seeds).toBe(MACHINE_SEEDS)
  }, 120_000)

  it('come in every kind: most converge, some give up, some are closed early', async () => {
    const endings = new Set<string>()
    for (let seed = 1; seed <= 60; seed += 1) endings.add((await play(drawScenario(seed))).ending)
    expect([...endings]).toEqual(expect.arrayContaining(['converged', 'gave up', 'closed early']))
  })

  it('differ from seed to seed, and not from run to run', async () => {
    const hashes = async () => {
      const found: string[] = []
      for (let seed = 1; seed <= 15; seed += 1) found.push((await play(drawScenario(seed))).hash)
      return found
    }
    const first = await hashes()
    expect(new Set(first).size).toBe(first.length)
    expect(await hashes()).toEqual(first)
  })

  it('are held to promises that each have a name of their own', () => {
    const names = invariants.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })
})

describe('a world that broke a promise once', () => {
  it.each(readdirSync(regressions).filter(name => name.endsWith('.json')))('keeps it now: %s', async name => {
    const verdict = await play(readWorld(join(regressions, name)).scenario)
    expect(verdict.violation && failureReport(verdict, false)).toBeUndefined()
  })
})
