import type { InnerStates, MachineShape } from './lifecycle.ts'

/** How many other nodes are known. */
export interface NeighbourFacts {
  readonly peers: number
}

/** Sent when the number of known peers has changed. */
export interface PeersChanged {
  readonly type: 'peers.changed'
  readonly count: number
}

interface NeighbourShape {
  readonly id: string
  readonly description: string
  readonly starting: InnerStates
  /** The nested state without peers, and with some: name and description. */
  readonly without: readonly [name: string, description: string]
  readonly some: readonly [name: string, description: string]
}

/** The shape of a machine whose work differs by whether it knows any peers. */
export function neighbourShape(shape: NeighbourShape): MachineShape<NeighbourFacts> {
  const [without, withoutDescription] = shape.without
  const [some, someDescription] = shape.some
  const on = {
    'peers.changed': [
      { guard: 'seesPeers', target: `.${some}`, actions: 'countPeers' },
      { target: `.${without}`, actions: 'countPeers' },
    ],
  }
  return {
    id: shape.id,
    description: shape.description,
    facts: { peers: 0 },
    starting: { ...shape.starting, on: { 'peers.changed': { actions: 'countPeers' } } },
    working: {
      initial: without,
      resume: [{ guard: 'hasPeers', state: some }],
      on,
      states: {
        [without]: { description: withoutDescription },
        [some]: { description: someDescription },
      },
    },
    actions: { countPeers: (_, event) => ({ peers: Number(event['count']) }) },
    guards: {
      seesPeers: (_, event) => Number(event['count']) > 0,
      hasPeers: ({ peers }) => peers > 0,
    },
  }
}
