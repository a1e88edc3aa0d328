/**
 * A test of a supervision tree that waits for nothing: ten minutes of failures in a few milliseconds, the same at each run.
 *
 *     node --conditions=source examples/virtual-time.ts
 */
import { lifecycle } from 'exovisor/machines'
import { defineResource, SeededScheduler, seededRandom, supervise, VirtualClock } from 'exovisor/runtime'

const clock = new VirtualClock()
const random = seededRandom(7)
/** Runs what is to be done in an order drawn from the seed: another seed tries another order. */
const scheduler = new SeededScheduler(clock, random)

const worker = defineResource<{ failsAfter: number }, { stop(): void }>({
  kind: 'worker',
  machine: lifecycle,
  async initialize({ input, self }) {
    const timer = clock.setTimeout(() => self.fail(new Error('tired')), input.failsAfter)
    return { stop: () => clock.clearTimeout(timer) }
  },
  cleanup: async client => client?.stop(),
})

const root = await supervise({
  children: [{ id: 'a', resource: worker, input: { failsAfter: 20_000 } }],
  policies: { default: { circuit: 300_000 } },
  clock,
  random,
  scheduler,
  onEvent: ({ at, type, delay }) => {
    const seconds = Math.round(at / 1_000)
    if (type.startsWith('circuit')) console.log(`${seconds} s: ${type}`)
    if (type === 'backoff_scheduled') console.log(`${seconds} s: restart in ${Math.round(delay ?? 0)} ms`)
  },
})

await clock.advance(10 * 60_000)
console.log(`after ten minutes: ${root.ref('a').state}, incarnation ${root.ref('a').incarnation}`)
await root.close()
