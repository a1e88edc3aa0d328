import { lifecycle } from '../../machines/lifecycle.ts'
import { ExovisorError } from '../../src/errors.ts'
import { defineResource } from '../../src/resources/define.ts'
import type { ResourceRef } from '../../src/resources/types.ts'
import type { PolicyTable } from '../../src/supervision/policy.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import type { SupervisorClient, SupervisorInput } from '../../src/supervision/types.ts'
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

/** One for all, as the reason of an exit signal is in OTP: who fails with an error of its own pays for making it. */
const killed = new ExovisorError('EXO_RESOURCE_FAILED', 'killed by the bench')

const names = Array.from({ length: 30_000 }, (_, index) => `child-${index}`)

/** A supervisor whose events are listened to, so that each of them is really made. */
class SupervisedTree implements Tree {
  onReady = (): void => undefined
  readonly size: number
  readonly input: SupervisorInput
  readonly #names: readonly string[]
  #refs: readonly ResourceRef<object, number>[] = []
  #close: (() => Promise<void>) | undefined

  constructor(size: number) {
    this.size = size
    this.#names = names.slice(0, size)
    this.input = {
      policies,
      children: this.#names.map(id => ({ id, resource: idle, input: {} })),
      onEvent: ({ type }) => {
        if (type === 'ready') this.onReady()
      },
    }
  }

  /** Once it has been started, as whose part soever. */
  attach(client: Pick<SupervisorClient, 'ref'>, close?: () => Promise<void>): this {
    this.#close = close
    this.#refs = this.#names.map(id => client.ref(idle, id))
    return this
  }

  kill(index: number): void {
    this.#refs[index]!.fail(killed)
  }

  async close(): Promise<void> {
    await this.#close?.()
  }
}

async function grow(children: number): Promise<Tree> {
  const tree = new SupervisedTree(children)
  const root = await supervise(tree.input)
  return tree.attach(root, () => root.close())
}

async function growSideBySide(supervisors: number, children: number): Promise<readonly Tree[]> {
  const trees = Array.from({ length: supervisors }, () => new SupervisedTree(children))
  const root = await supervise({
    children: trees.map(({ input }, index) => ({
      id: `supervisor-${index}`,
      resource: supervisorResource,
      input,
    })),
  })
  return trees.map((tree, index) => {
    const { client } = root.ref(supervisorResource, `supervisor-${index}`)
    return tree.attach(client!, index === 0 ? () => root.close() : undefined)
  })
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
  grow,
  growSideBySide,
  roundTrips,
}
