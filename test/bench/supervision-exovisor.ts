import { lifecycle } from '../../machines/lifecycle.ts'
import { defineResource } from '../../src/resources/define.ts'
import type { ResourceRef } from '../../src/resources/types.ts'
import type { PolicyTable } from '../../src/supervision/policy.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import type { SupervisionEvent, Supervisor } from '../../src/supervision/types.ts'
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

const names = Array.from({ length: 30_000 }, (_, index) => `child-${index}`)

/** A supervisor whose events are listened to, so that each of them is really made. */
class SupervisedTree implements Tree {
  readonly size: number
  readonly #waiting = new Map<string, () => void>()
  #root: Supervisor | undefined
  #refs: readonly ResourceRef<object, number>[] = []

  constructor(size: number) {
    this.size = size
  }

  async grow(): Promise<this> {
    const ids = names.slice(0, this.size)
    this.#root = await supervise({
      policies,
      children: ids.map(id => ({ id, resource: idle, input: {} })),
      onEvent: event => this.#heard(event),
    })
    this.#refs = ids.map(id => this.#root!.ref(idle, id))
    return this
  }

  kill(index: number, ready: () => void): void {
    this.#waiting.set(names[index]!, ready)
    this.#refs[index]!.fail(killed)
  }

  async close(): Promise<void> {
    await this.#root?.close()
  }

  #heard({ type, name }: SupervisionEvent): void {
    if (type !== 'ready') return
    const ready = this.#waiting.get(name)
    this.#waiting.delete(name)
    ready?.()
  }
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
export const exovisor: Subject = {
  name: 'exovisor',
  grow: children => new SupervisedTree(children).grow(),
  roundTrips,
}
