import { describe, expect, it } from 'vitest'
import { otp, simple, worker } from './world.ts'

const [FEW, MANY] = [1_000, 10_000]
const ROUNDS = 3

/** The CPU time of a work, in microseconds: other programs on the machine do not count. */
async function cost(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** The best of some rounds: what the garbage collector adds to the others is chance. */
async function best(work: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round += 1) least = Math.min(least, await work())
  return least
}

const { typed } = worker('child')
const ids = (count: number) => Array.from({ length: count }, (_, index) => `child${index}`)
const specs = (count: number) => ids(count).map(id => ({ ...typed, id, restart: 'temporary' as const }))

/** Stopping each of so many children of a dynamic supervisor. */
async function stopping(count: number): Promise<number> {
  const { root, spawn } = await simple(2, 3600, { typed }, { restart: 'temporary' })
  for (const id of ids(count)) await spawn(id)
  const spent = await cost(async () => {
    for (const id of ids(count)) await root.stop(id)
  })
  expect(root.children()).toEqual([])
  await root.close()
  return spent
}

/** Starting so many children and closing their supervisor. */
function startingAndClosing(count: number): Promise<number> {
  return cost(async () => {
    const { root } = await otp('one_for_one', 2, 3600, specs(count) as never)
    await root.close()
  })
}

describe('scale', () => {
  it('simple_one_for_one_scale_many_temporary_children — stopping ten times the children costs at most fifty times as much', async () => {
    const few = await best(() => stopping(FEW))
    expect((await stopping(MANY)) / few).toBeLessThan(50)
  })

  it('scale_start_stop_many_children — starting and stopping ten times the children costs at most a hundred times as much', async () => {
    const few = await best(() => startingAndClosing(FEW))
    expect((await startingAndClosing(MANY)) / few).toBeLessThan(100)
  })
})
