import { describe, expect, it, vi } from 'vitest'
import { VirtualClock } from '../../../src/concurrency/virtual-clock.ts'
import type { RuntimeView } from '../../../src/observe/view/runtime-view.ts'
import { childSpec } from '../../../src/supervision/child-spec.ts'
import type { Supervisor } from '../../../src/supervision/types.ts'
import { scripted } from '../../resources/scripted.ts'
import { kid } from '../../supervision/tree.ts'
import { viewed } from './viewing.ts'

/** Short rounds and many: some of them run from beginning to end without anything else on the processor. */
const MESSAGES = 5_000
const ROUNDS = 300

/** The CPU time of a work, in microseconds: other programs on the machine do not count. */
async function cost(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

async function messages(root: Supervisor): Promise<void> {
  const ref = root.ref('a')
  for (let batch = 0; batch < MESSAGES; batch += 500) {
    for (let count = 0; count < 500; count += 1) ref.tell('x')
    await ref.ask('x')
  }
}

/** The best of many rounds: what the compiler and the garbage collector add to the others is chance. */
const best = (values: readonly number[]) => Math.min(...values)

describe('a message', () => {
  it('costs the same after a viewer has gone, with the journal on, as where nobody has ever looked', {
    timeout: 120_000,
  }, async () => {
    const never = await viewed([kid('a').spec])
    const seen = await viewed([kid('a').spec])
    seen.view.journal.start()
    const { session } = seen.open()
    session.receive({ type: 'watch', paths: ['root/a'] })
    await seen.flushed()
    session.close()
    await seen.flushed()
    const rounds: { never: number; seen: number }[] = []
    await messages(never.root)
    await messages(seen.root)
    // By turns, so that whatever slows the machine down slows both.
    for (let round = 0; round < ROUNDS; round += 1) {
      const first = round % 2 === 0 ? never : seen
      const second = first === never ? seen : never
      const costs = new Map([
        [first, await cost(() => messages(first.root))],
        [second, await cost(() => messages(second.root))],
      ])
      rounds.push({ never: costs.get(never) ?? 0, seen: costs.get(seen) ?? 0 })
    }
    const ratio = best(rounds.map(round => round.seen)) / best(rounds.map(round => round.never))
    expect(ratio).toBeLessThan(1.05)
    seen.view.journal.close()
    await Promise.all([never.root.close(), seen.root.close()])
  })
})

/** Counts the turns of the event loop that a clock gives. */
function countTurns(clock: VirtualClock): { turn: number } {
  const turns = { turn: 0 }
  const counted = (fn: () => void) => () => {
    turns.turn += 1
    fn()
  }
  const { setTimeout, nextTurn } = clock
  vi.spyOn(clock, 'setTimeout').mockImplementation((fn, ms) => setTimeout.call(clock, counted(fn), ms))
  vi.spyOn(clock, 'nextTurn').mockImplementation(fn => nextTurn.call(clock, counted(fn)))
  return turns
}

function rowsByTurn(view: RuntimeView, turns: { turn: number }): Map<number, number> {
  const rows = new Map<number, number>()
  const make = view.feed.row.bind(view.feed)
  vi.spyOn(view.feed, 'row').mockImplementation(source => {
    rows.set(turns.turn, (rows.get(turns.turn) ?? 0) + 1)
    return make(source)
  })
  return rows
}

describe('one viewer on 10,000 actors that all change at once', () => {
  it('takes a bounded part of the work in each turn of the event loop', async () => {
    const { definition } = scripted()
    const ids = Array.from({ length: 10_000 }, (_, index) => `k${index}`)
    const clock = new VirtualClock()
    const children = ids.map(id => childSpec({ id, resource: definition, input: {} }))
    const { root, view, open, flushed } = await viewed(children, { clock })
    view.journal.start()
    const turns = countTurns(clock)
    const rows = rowsByTurn(view, turns)
    const { link, session } = open()
    const sent = new Map<number, number>()
    const send = link.send.bind(link)
    vi.spyOn(link, 'send').mockImplementation(message => {
      sent.set(turns.turn, (sent.get(turns.turn) ?? 0) + 1)
      send(message)
    })
    await flushed()
    expect(link.of('rows').flatMap(part => part.rows).length).toBe(10_001)
    link.take()
    for (const id of ids) {
      root.suspend(id)
      root.resume(id)
      root.suspend(id)
    }
    await flushed()
    const changed = link.of('changes').flatMap(part => part.changed)
    expect(changed.length).toBe(10_000)
    // One part of the tree for the viewer and one of the changes for all who are told of them.
    expect(Math.max(...rows.values())).toBeLessThanOrEqual(1_000)
    expect(Math.max(...sent.values())).toBe(1)
    const parts = link.messages.map(message => (message.type === 'changes' ? message.changed.length : 0))
    expect(Math.max(...parts)).toBe(500)
    for (const { lines } of link.of('journal'))
      expect(
        lines.reduce((sum, { event }) => sum + (event.type === 'rows' ? event.changed.length : 1), 0),
      ).toBeLessThanOrEqual(500)
    session.close()
    view.journal.close()
    await root.close()
  })
})
