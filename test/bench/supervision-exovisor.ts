import { lifecycle } from '../../machines/lifecycle.ts'
import { defineResource } from '../../src/resources/define.ts'
import type { ResourceRef } from '../../src/resources/types.ts'
import type { PolicyTable } from '../../src/supervision/policy.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import type { Subject, Tree } from './supervision-measures.ts'

/** No backoff, and more restarts than any bench makes. */
const policies: PolicyTable = {
  default: {
    restart: 'permanent',
    backoff: { initial: 0, factor: 1, max: 0, jitter: 'none', resetAfter: 60_000 },
    intensity: { restarts: 100_000, within: 3_600_000 },
  },
}

const idle = defineResource<object, object, number>({
  kind: 'idle',
  machine: lifecycle,
  initialize: async () => ({}),
  receive: () => undefined,
})

const killed = new Error('killed by the bench')

let events = 0

/** How many events of supervision were told so far: listened to, so that each of them is really made. */
export const eventCount = (): number => events

class SupervisedTree implements Tree {
  readonly size: number
  readonly #refs: readonly ResourceRef<object, number>[]
  readonly #close: () => Promise<void>

  constructor(refs: readonly ResourceRef<object, number>[], close: () => Promise<void>) {
    this.size = refs.length
    this.#refs = refs
    this.#close = close
  }

  kill(index: number, ready: () => void): void {
    const ref = this.#refs[index]!
    const stop = ref.subscribe(({ state }) => {
      if (state !== 'READY') return
      stop()
      ready()
    })
    ref.fail(killed)
  }

  close(): Promise<void> {
    return this.#close()
  }
}

const names = Array.from({ length: 30_000 }, (_, index) => `child-${index}`)

async function grow(children: number): Promise<Tree> {
  const specs = names.slice(0, children).map(id => ({ id, resource: idle, input: {} }))
  const root = await supervise({
    policies,
    children: specs,
    onEvent: () => {
      events += 1
    },
  })
  const refs = names.slice(0, children).map(id => root.ref(idle, id))
  return new SupervisedTree(refs, () => root.close())
}

async function roundTrips(count: number): Promise<void> {
  let done: () => void = () => undefined
  const over = new Promise<void>(resolve => {
    done = resolve
  })
  const player = (send: (left: number) => void) =>
    defineResource<object, object, number>({
      kind: 'player',
      machine: lifecycle,
      initialize: async () => ({}),
      receive: (_, left) => send(left),
    })
  const there = player(left => void back.tell(left))
  const here = player(left => (left > 0 ? void away.tell(left - 1) : done()))
  const root = await supervise({
    policies,
    children: [
      { id: 'there', resource: there, input: {} },
      { id: 'here', resource: here, input: {} },
    ],
  })
  const away = root.ref(there, 'there')
  const back = root.ref(here, 'here')
  away.tell(count - 1)
  await over
  await root.close()
}

/** This project: the plain lifecycle machine under a real supervisor, with its windows, events and registry. */
export const exovisor: Subject = { name: 'exovisor', grow, roundTrips }
