import { lifecycleMachine } from './lifecycle.ts'

/** The events of an engine's own: each generation begins with a prefill, goes on to decode, and ends once. */
export type InferenceEvent =
  | { readonly type: 'prefill.started' }
  | { readonly type: 'decode.started' }
  | { readonly type: 'generation.ended' }

interface InferenceFacts {
  /** Generations under way, whether in prefill or in decode. */
  readonly generations: number
  /** Whether the newest of them is still in prefill. */
  readonly prefilling: boolean
}

const prefillStarted = { target: 'prefilling', actions: 'countBegun' }
const generationEnded = [
  { guard: 'isLast', target: 'idle', actions: 'countEnded' },
  { target: 'decoding', actions: 'countEnded' },
]

/** An inference engine that holds some or all layers of a model. */
export const inference = lifecycleMachine<InferenceFacts>({
  id: 'inference',
  description: 'An inference engine that holds some or all layers of a model.',
  facts: { generations: 0, prefilling: false },
  starting: {
    initial: 'loading',
    states: { loading: { description: 'The engine process starts, loads its layers and warms up.' } },
  },
  working: {
    initial: 'idle',
    resume: [
      { guard: 'isPrefilling', state: 'prefilling' },
      { guard: 'hasWork', state: 'decoding' },
    ],
    states: {
      idle: {
        description: 'The layers are loaded and no generation is under way.',
        on: { 'prefill.started': prefillStarted },
      },
      prefilling: {
        description:
          'The prompt that came in last is being computed; older generations go on between its chunks.',
        on: {
          'prefill.started': { actions: 'countBegun' },
          'decode.started': { target: 'decoding', actions: 'endPrefill' },
          'generation.ended': generationEnded,
        },
      },
      decoding: {
        description:
          'All prompts at hand have been computed, and the engine makes one token after the other.',
        on: { 'prefill.started': prefillStarted, 'generation.ended': generationEnded },
      },
    },
  },
  actions: {
    countBegun: ({ generations }) => ({ generations: generations + 1, prefilling: true }),
    endPrefill: () => ({ prefilling: false }),
    countEnded: ({ generations }) => ({ generations: generations - 1, prefilling: false }),
  },
  guards: {
    isPrefilling: ({ prefilling }) => prefilling,
    hasWork: ({ generations }) => generations > 0,
    isLast: ({ generations }) => generations === 1,
  },
})
