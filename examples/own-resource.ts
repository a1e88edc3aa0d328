/**
 * A resource of one's own, supervised: no gRPC, no model.
 *
 *     node --conditions=source examples/own-resource.ts
 */
import { lifecycle } from 'exovisor/machines'
import { defineResource, supervise } from 'exovisor/runtime'

const ticker = defineResource<{ everyMs: number }, { ticks(): number; stop(): void }>({
  kind: 'ticker',
  machine: lifecycle,
  async initialize({ input, self }) {
    let ticks = 0
    const timer = setInterval(() => {
      ticks += 1
      if (ticks === 3) self.fail(new Error(`ticker ${self.incarnation} is tired`))
    }, input.everyMs)
    return { ticks: () => ticks, stop: () => clearInterval(timer) }
  },
  cleanup: async client => client?.stop(),
})

await using root = await supervise({
  children: [{ id: 'clock', resource: ticker, input: { everyMs: 10 } }],
})
const clock = root.ref(ticker, 'clock')

await new Promise<void>(done => {
  clock.subscribe(({ state, incarnation, error }) => {
    console.log(`clock#${incarnation} ${state}`, error?.message ?? '')
    if (state === 'READY' && incarnation === 3) done()
  })
})
console.log(`still ticking: incarnation ${clock.incarnation}, ${(await clock.ready()).ticks()} ticks so far`)
