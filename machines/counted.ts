import type { InnerStates, MachineShape } from './lifecycle.ts'

/** How many pieces of work are under way. */
export interface CountedFacts {
  readonly active: number
}

interface CountedShape {
  readonly id: string
  readonly description: string
  readonly starting: InnerStates
  /** The nested state without work, and with it: name and description. */
  readonly idle: readonly [name: string, description: string]
  readonly busy: readonly [name: string, description: string]
  /** The events that begin and end one piece of work. */
  readonly began: string
  readonly ended: string
}

/** The shape of a machine that is idle or busy with any number of pieces of work, and counts them. */
export function countedShape(shape: CountedShape): MachineShape<CountedFacts> {
  const [idle, idleDescription] = shape.idle
  const [busy, busyDescription] = shape.busy
  return {
    id: shape.id,
    description: shape.description,
    facts: { active: 0 },
    starting: shape.starting,
    working: {
      initial: idle,
      resume: [{ guard: 'hasWork', state: busy }],
      states: {
        [idle]: {
          description: idleDescription,
          on: { [shape.began]: { target: busy, actions: 'countBegun' } },
        },
        [busy]: {
          description: busyDescription,
          on: {
            [shape.began]: { actions: 'countBegun' },
            [shape.ended]: [
              { guard: 'isLast', target: idle, actions: 'countEnded' },
              { actions: 'countEnded' },
            ],
          },
        },
      },
    },
    actions: {
      countBegun: ({ active }) => ({ active: active + 1 }),
      countEnded: ({ active }) => ({ active: active - 1 }),
    },
    guards: {
      hasWork: ({ active }) => active > 0,
      isLast: ({ active }) => active === 1,
    },
  }
}
