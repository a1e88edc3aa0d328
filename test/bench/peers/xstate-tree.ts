import { assign, createActor, createMachine, enqueueActions } from 'xstate'
import { lifecycle } from '../../../machines/lifecycle.ts'
import type { Subject, Tree } from '../supervision-measures.ts'

const children = Array.from({ length: 30_000 }, (_, index) => `child-${index}`)
const input = { name: 'child', kind: 'idle', incarnation: 1, attempt: 0 }

interface Ready {
  onReady(): void
}

interface Kill {
  readonly type: 'kill'
  readonly id: string
}

/** A supervisor as a reader of XState's manual would write it: children in its own snapshot, stopped and spawned by actions. */
const supervisorOf = (ready: Ready) =>
  createMachine(
    {
      id: 'supervisor',
      context: ({ input }) => ({ count: (input as { count: number }).count }),
      entry: 'spawnAll',
      on: { kill: { actions: 'respawn' } },
    },
    {
      actions: {
        spawnAll: assign(({ context, spawn }) => {
          // In one assignment: a spawnChild for each would copy the list of all children each time.
          for (const id of children.slice(0, context['count'])) spawn(lifecycle, { id, input } as never)
          return {}
        }),
        respawn: enqueueActions(({ event, enqueue }) => {
          const { id } = event as unknown as Kill
          enqueue.stopChild(id)
          enqueue.spawnChild(lifecycle, { id, input } as never)
          enqueue(({ self }) => {
            const child = self.getSnapshot().children[id]
            queueMicrotask(() => {
              child?.send({ type: 'initialize' })
              child?.send({ type: 'initialized' })
              ready.onReady()
            })
          })
        }),
      },
    },
  )

class SpawnedTree implements Tree {
  onReady = (): void => undefined
  readonly size: number
  readonly #root

  constructor(size: number) {
    this.size = size
    this.#root = createActor(supervisorOf(this), { input: { count: size } })
    this.#root.start()
    for (const child of Object.values(this.#root.getSnapshot().children)) {
      child?.send({ type: 'initialize' })
      child?.send({ type: 'initialized' })
    }
  }

  kill(index: number): void {
    this.#root.send({ type: 'kill', id: children[index] })
  }

  /** Stopping would take a time that grows with the square of the children. */
  async close(): Promise<void> {}
}

const counter = createMachine(
  { id: 'counter', on: { ping: { actions: 'answer' } } },
  { actions: { answer: ({ event }) => (event as unknown as { answer(): void }).answer() } },
)

async function roundTrips(count: number): Promise<void> {
  const [there, back] = [createActor(counter).start(), createActor(counter).start()]
  for (let left = count; left > 0; left -= 1)
    there.send({
      type: 'ping',
      answer: () => back.send({ type: 'ping', answer: () => undefined } as never),
    } as never)
}

/** Plain XState: the same machine, as children of a machine. It has no window, no events and no order of stopping. */
export const xstateTree: Subject = {
  name: 'xstate spawnChild',
  grow: async count => new SpawnedTree(count),
  growSideBySide: async (supervisors, count) =>
    Array.from({ length: supervisors }, () => new SpawnedTree(count)),
  roundTrips,
}
