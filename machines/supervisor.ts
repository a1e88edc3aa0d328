import { lifecycleMachine } from './lifecycle.ts'

/** The events of a supervisor's own: a pair for each child that is between two incarnations. */
export type SupervisorMachineEvent =
  | { readonly type: 'restart.began' }
  | { readonly type: 'restart.ended' }
  | { readonly type: 'gave_up' }

interface SupervisorFacts {
  /** Children that have ended and are not READY again yet. */
  readonly restarting: number
  /** Restarts since this supervisor started. */
  readonly restarts: number
}

/** A supervisor: the resource that starts, watches, restarts and stops other resources. */
export const supervisor = lifecycleMachine<SupervisorFacts>({
  id: 'supervisor',
  description: 'The resource that starts, watches, restarts and stops other resources.',
  facts: { restarting: 0, restarts: 0 },
  starting: {
    initial: 'starting',
    states: {
      starting: { description: 'The children start in order, each after the one before it is READY.' },
    },
    on: {
      'restart.began': { actions: 'countBegun' },
      'restart.ended': { guard: 'hasRestarts', actions: 'countEnded' },
    },
  },
  working: {
    initial: 'idle',
    resume: [{ guard: 'hasRestarts', state: 'restarting' }],
    on: { gave_up: { target: '.escalating' } },
    states: {
      idle: {
        description: 'No child is between two incarnations.',
        on: { 'restart.began': { target: 'restarting', actions: 'countBegun' } },
      },
      restarting: {
        description: 'At least one child has ended and is not READY again yet.',
        on: {
          'restart.began': { actions: 'countBegun' },
          'restart.ended': [
            { guard: 'isLast', target: 'idle', actions: 'countEnded' },
            { actions: 'countEnded' },
          ],
        },
      },
      escalating: {
        description:
          'A child has spent its restart intensity, so the others are stopped and the supervisor fails.',
      },
    },
  },
  actions: {
    countBegun: ({ restarting, restarts }) => ({ restarting: restarting + 1, restarts: restarts + 1 }),
    countEnded: ({ restarting }) => ({ restarting: restarting - 1 }),
  },
  guards: {
    hasRestarts: ({ restarting }) => restarting > 0,
    isLast: ({ restarting }) => restarting === 1,
  },
})
