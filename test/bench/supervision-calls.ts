import { createActor } from 'xstate'
import { lifecycle } from '../../machines/lifecycle.ts'
import { defineResource } from '../../src/resources/define.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import { cpuMs, median } from './supervision-measures.ts'

/** What one call costs beside the tree. */
export interface CallFigures {
  /** `ref.ready()` on a READY resource, in nanoseconds. */
  readonly ready_ns: number
  /** How many messages a plain mailbox handles in the time of one XState event that changes a fact. */
  readonly mailbox_vs_xstate_ratio: number
}

/** Fits into a mailbox of the default size. */
const BATCH = 500

/** Nanoseconds of CPU time for each of `count` calls, the median of some rounds after one that warms up. */
async function nanoseconds(count: number, rounds: number, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let round = 0; round <= rounds; round += 1) {
    const ms = await cpuMs(work)
    if (round > 0) times.push((ms * 1e6) / count)
  }
  return median(times)
}

export async function measureCalls(count: number, rounds: number): Promise<CallFigures> {
  let left = 0
  let handled: () => void = () => undefined
  const sink = defineResource<object, object, number>({
    kind: 'sink',
    machine: lifecycle,
    initialize: async () => ({}),
    receive: () => {
      left -= 1
      if (left === 0) handled()
    },
  })
  await using root = await supervise({ children: [{ id: 'sink', resource: sink, input: {} }] })
  const ref = root.ref(sink, 'sink')
  const ready = await nanoseconds(count, rounds, async () => {
    for (let call = 0; call < count; call += 1) void ref.ready()
  })
  const mailbox = await nanoseconds(count, rounds, async () => {
    for (let sent = 0; sent < count; sent += BATCH) {
      left = BATCH
      const over = new Promise<void>(resolve => {
        handled = resolve
      })
      for (let message = 0; message < BATCH; message += 1) ref.tell(message)
      await over
    }
  })
  const actor = createActor(lifecycle, {
    input: { name: 'x', kind: 'x', incarnation: 1, attempt: 0 },
  }).start()
  for (const type of ['initialize', 'initialized']) actor.send({ type })
  const xstate = await nanoseconds(count, rounds, async () => {
    for (let sent = 0; sent < count; sent += 1) actor.send({ type: 'health.checked', ok: true })
  })
  return { ready_ns: ready, mailbox_vs_xstate_ratio: xstate / mailbox }
}
