import { describe, expect, it } from 'vitest'
import { lifecycle } from '../../machines/lifecycle.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { defineResource } from '../../src/resources/define.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import type { Supervisor } from '../../src/supervision/types.ts'

const thing = defineResource<object, object>({
  kind: 'thing',
  machine: lifecycle,
  initialize: async () => ({}),
  checkHealth: async () => undefined,
})
const BATCH = 100

const spec = (id: string) => ({ id, resource: thing, input: {} })

/** The CPU time of a work, in microseconds: other programs on the machine do not count. */
async function cost(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

async function grown(siblings: number): Promise<Supervisor> {
  return supervise({
    clock: new VirtualClock(),
    children: Array.from({ length: siblings }, (_, index) => spec(`sibling ${index}`)),
  })
}

async function batch(root: Supervisor, round: number) {
  const names = Array.from({ length: BATCH }, (_, index) => `${round}.${index}`)
  const start = await cost(async () => {
    for (const name of names) await root.start(spec(name))
  })
  const restart = await cost(async () => {
    for (const name of names) await root.restart(name)
  })
  const stop = await cost(async () => {
    for (const name of names) await root.remove(name)
  })
  return { start, restart, stop }
}

/** The best of many rounds: what the compiler and the garbage collector add to the others is chance. */
const best = (values: readonly number[]) => Math.min(...values)

describe('one more child', () => {
  it('costs the same at 100 and at 10,000 siblings, to start, to restart and to stop', {
    timeout: 60_000,
  }, async () => {
    const [few, many] = [await grown(100), await grown(10_000)]
    await batch(few, 0)
    const rounds: { few: Awaited<ReturnType<typeof batch>>; many: Awaited<ReturnType<typeof batch>> }[] = []
    // By turns, so that whatever slows the machine down slows both.
    for (let round = 1; round <= 12; round += 1)
      rounds.push({ few: await batch(few, round), many: await batch(many, round) })
    for (const what of ['start', 'restart', 'stop'] as const) {
      const ratio = best(rounds.map(({ many }) => many[what])) / best(rounds.map(({ few }) => few[what]))
      expect(ratio, what).toBeLessThan(3)
    }
    // One small tree is closed too quickly to be measured well, so there are twenty.
    const small = [few, ...(await Promise.all(Array.from({ length: 19 }, () => grown(100))))]
    const closing = {
      few: await cost(() => Promise.all(small.map(root => root.close()))),
      many: await cost(() => many.close()),
    }
    expect(closing.many / 10_000 / (closing.few / 2_000), 'close').toBeLessThan(3)
  })
})
