import { type AnyLifecycleMachine, lifecycle } from '../../machines/index.ts'
import { type Deferred, deferred } from '../../src/concurrency/deferred.ts'
import { defineResource } from '../../src/resources/define.ts'
import type { ResourceSelf } from '../../src/resources/types.ts'

/** One incarnation as its own effects saw it. */
interface Life {
  readonly self: ResourceSelf
  readonly signal: AbortSignal
  readonly client: { readonly life: number }
  readonly initialized: Deferred<void>
  readonly cleaned: Deferred<void>
  readonly cleanups: { client: unknown; reason: string; signal: AbortSignal }[]
  readonly messages: string[]
}

/** What the effects do; each is read at the moment of the call. */
export interface Script {
  /** Resolve at once, or wait for the test to settle `initialized` and `cleaned`. */
  initialize: 'at once' | 'wait'
  cleanup: 'at once' | 'wait'
  check: (signal: AbortSignal) => Promise<void>
  recover: ((signal: AbortSignal) => Promise<void>) | undefined
  receive: (message: string, signal: AbortSignal, self: ResourceSelf) => unknown
}

/** A definition whose effects do what the test says, and a record of what was asked of them. */
export function scripted(
  changes: Partial<Script> = {},
  machine: AnyLifecycleMachine = lifecycle,
  kind = 'scripted',
) {
  const lives: Life[] = []
  const script: Script = {
    initialize: 'at once',
    cleanup: 'at once',
    check: async () => undefined,
    recover: undefined,
    receive: message => `${message}!`,
    ...changes,
  }
  const definition = defineResource<object, { readonly life: number }, string>({
    kind,
    machine,
    async initialize({ self, signal }) {
      const life: Life = {
        self,
        signal,
        client: { life: lives.length + 1 },
        initialized: deferred(),
        cleaned: deferred(),
        cleanups: [],
        messages: [],
      }
      lives.push(life)
      if (script.initialize === 'wait') await life.initialized.promise
      return life.client
    },
    checkHealth: (_, { signal }) => script.check(signal),
    ...(changes.recover && { recover: (_, { signal }) => script.recover?.(signal) ?? Promise.resolve() }),
    async cleanup(client, { reason, signal }) {
      const life = lives.at(-1)
      life?.cleanups.push({ client, reason, signal })
      if (script.cleanup === 'wait') await life?.cleaned.promise
    },
    receive(client, message, { signal, self }) {
      lives[client.life - 1]?.messages.push(message)
      return script.receive(message, signal, self)
    },
  })
  return { definition, lives, script }
}
