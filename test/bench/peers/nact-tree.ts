import type { Subject, Tree } from '../supervision-measures.ts'

interface NactRef {
  readonly name: string
}

interface NactContext {
  readonly reset: unknown
}

/** The part of nact that is used here. */
interface Nact {
  start(): NactRef
  stop(ref: NactRef): void
  dispatch(ref: NactRef, message: unknown): void
  spawn(
    parent: NactRef,
    receive: (state: unknown, message: (() => void) | 'die') => unknown,
    name: string,
    options?: {
      readonly onCrash?: (message: unknown, error: unknown, context: NactContext) => unknown
      readonly initialStateFunc?: () => unknown
    },
  ): NactRef
}

const died = new Error('killed by the bench')

class NactTree implements Tree {
  onReady = (): void => undefined
  readonly size: number
  readonly #nact: Nact
  readonly #system: NactRef
  readonly #children: readonly NactRef[]

  constructor(nact: Nact, size: number) {
    this.size = size
    this.#nact = nact
    this.#system = nact.start()
    const parent = nact.spawn(this.#system, state => state, 'parent')
    this.#children = Array.from({ length: size }, (_, index) => this.#spawn(parent, index))
  }

  kill(index: number): void {
    this.#nact.dispatch(this.#children[index]!, 'die')
  }

  async close(): Promise<void> {
    this.#nact.stop(this.#system)
  }

  #spawn(parent: NactRef, index: number): NactRef {
    const receive = (state: unknown): unknown => {
      if (state !== undefined) throw died
      return state
    }
    return this.#nact.spawn(parent, receive, `child-${index}`, {
      onCrash: (_, __, context) => context.reset,
      initialStateFunc: () => {
        this.onReady()
        return {}
      },
    })
  }
}

function subject(nact: Nact): Subject {
  return {
    name: 'nact reset',
    grow: async count => new NactTree(nact, count),
    growSideBySide: async (supervisors, count) =>
      Array.from({ length: supervisors }, () => new NactTree(nact, count)),
    roundTrips: count =>
      new Promise(resolve => {
        const system = nact.start()
        const done = (): void => {
          nact.stop(system)
          resolve()
        }
        let left = count
        const here = nact.spawn(system, () => (left > 0 ? nact.dispatch(there, 'ping') : done()), 'here')
        const there = nact.spawn(
          system,
          () => {
            left -= 1
            nact.dispatch(here, 'pong')
          },
          'there',
        )
        nact.dispatch(there, 'ping')
      }),
  }
}

/** nact, which resets an actor in place and counts nothing; undefined when it is not installed. */
export async function nactTree(): Promise<Subject | undefined> {
  const name = 'nact'
  try {
    return subject((await import(name)).default as Nact)
  } catch {
    return undefined
  }
}
