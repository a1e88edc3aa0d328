import { lifecycle, lifecycleMachine } from '../../../machines/lifecycle.ts'
import { defineResource } from '../../../src/resources/define.ts'
import { supervise } from '../../../src/supervision/supervise.ts'
import { supervisorResource } from '../../../src/supervision/supervisor-resource.ts'
import type { AnyChildSpec } from '../../../src/supervision/types.ts'

/** One message of the format, as a viewer reads it. */
export interface Told {
  readonly type: string
  readonly sessionId: string
  readonly rootId: string
  readonly parentId?: string
  readonly name?: string
  readonly definition?: string
  readonly createdAt: string
  readonly _version: string
  readonly event?: { readonly type: string }
  readonly snapshot?: {
    readonly status: string
    readonly value?: unknown
    readonly context?: Readonly<Record<string, unknown>>
    readonly error?: unknown
    readonly children: object
  }
}

const worker = defineResource({
  kind: 'worker',
  machine: lifecycle,
  initialize: async () => ({}),
})

/** Its machine throws when it hears `burst`. */
export const fragile = defineResource({
  kind: 'fragile',
  machine: lifecycleMachine({
    id: 'fragile',
    description: 'It bursts.',
    working: {
      initial: 'whole',
      states: { whole: { description: 'Not burst yet.', on: { burst: { actions: 'burst' } } } },
    },
    facts: {},
    actions: {
      burst: () => {
        throw new TypeError('it burst')
      },
    },
  }),
  initialize: async ({ self }) => ({ burst: () => self.send({ type: 'burst' }) }),
})

/** It says to its machine whatever it is told to say. */
export const noisy = defineResource({
  kind: 'noisy',
  machine: lifecycle,
  initialize: async ({ self }) => ({ make: (text: string) => self.send({ type: 'noise', text }) }),
})

const child = (id: string): AnyChildSpec => ({ id, resource: worker as never, input: {} })

/** `root` with the worker `one`, the fragile `egg`, and the supervisor `below` of so many workers. */
export const plantTree = (below = 3) =>
  supervise({
    children: [
      child('one'),
      { id: 'egg', resource: fragile as never, input: {}, restart: 'temporary' },
      {
        id: 'below',
        resource: supervisorResource as never,
        input: { children: Array.from({ length: below }, (_, index) => child(`kid${index}`)) },
      },
    ],
  })

/** What is known of each actor after these messages, by its name. */
export function pictureOf(messages: readonly Told[]): ReadonlyMap<string, unknown> {
  const names = new Map<string, string>()
  const picture = new Map<string, unknown>()
  for (const { type, sessionId, name, snapshot } of messages) {
    if (type === '@xstate.actor' && name !== undefined) names.set(sessionId, name)
    const known = names.get(sessionId)
    if (known === undefined) throw new Error(`${type} of ${sessionId}, which was not registered`)
    if (snapshot) picture.set(known, snapshot.status === 'active' ? stateOf(snapshot.value) : snapshot.status)
  }
  return picture
}

const stateOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? Object.keys(value)[0] : value
