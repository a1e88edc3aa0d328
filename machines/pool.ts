import { lifecycleMachine } from './lifecycle.ts'

/** The events of a pool's own: how much of it is in use, and that it takes no more borrowers. */
export type PoolEvent =
  | { readonly type: 'load.none' }
  | { readonly type: 'load.some' }
  | { readonly type: 'load.full' }
  | { readonly type: 'drain.began' }

interface PoolFacts {
  /** The type of the last event about the load. */
  readonly load: string
}

const none = { target: 'idle', actions: 'noteLoad' }
const some = { target: 'serving', actions: 'noteLoad' }
const full = { target: 'exhausted', actions: 'noteLoad' }
const drain = { target: 'draining', actions: 'noteLoad' }
const note = { actions: 'noteLoad' }

/** A pool: a bounded number of alike resources that callers borrow and give back. */
export const pool = lifecycleMachine<PoolFacts>({
  id: 'pool',
  description: 'A bounded number of alike resources that callers borrow and give back.',
  facts: { load: 'load.none' },
  starting: {
    initial: 'filling',
    states: { filling: { description: 'The members that the pool always keeps are being created.' } },
    on: { 'load.none': note, 'load.some': note, 'load.full': note },
  },
  working: {
    initial: 'idle',
    resume: [
      { guard: 'isDraining', state: 'draining' },
      { guard: 'isExhausted', state: 'exhausted' },
      { guard: 'isServing', state: 'serving' },
    ],
    states: {
      idle: {
        description: 'No member is borrowed and nobody waits for one.',
        on: { 'load.some': some, 'load.full': full, 'drain.began': drain },
      },
      serving: {
        description: 'At least one member is borrowed, or is being made ready for a caller.',
        on: { 'load.none': none, 'load.full': full, 'drain.began': drain },
      },
      exhausted: {
        description: 'Callers wait until somebody else gives a member back.',
        on: { 'load.none': none, 'load.some': some, 'drain.began': drain },
      },
      draining: {
        description:
          'Nobody can borrow any more, and the pool waits for the members that are still borrowed.',
      },
    },
  },
  actions: { noteLoad: (_, event) => ({ load: String(event['type']) }) },
  guards: {
    isDraining: ({ load }) => load === 'drain.began',
    isExhausted: ({ load }) => load === 'load.full',
    isServing: ({ load }) => load === 'load.some',
  },
})
