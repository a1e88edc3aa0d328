import { lifecycle } from '../../../machines/lifecycle.ts'
import { seededRandom } from '../../../src/concurrency/random.ts'
import { VirtualClock } from '../../../src/concurrency/virtual-clock.ts'
import { defineResource } from '../../../src/resources/define.ts'
import type { ResourceDefinition, ResourceLog, ResourceSelf } from '../../../src/resources/types.ts'
import { childSpec } from '../../../src/supervision/child-spec.ts'
import type { PolicyInput } from '../../../src/supervision/policy.ts'
import { supervise } from '../../../src/supervision/supervise.ts'
import { supervisorResource } from '../../../src/supervision/supervisor-resource.ts'
import type {
  AnyChildSpec,
  ChildSpec,
  SuperviseOptions,
  SupervisionEvent,
  SupervisorClient,
} from '../../../src/supervision/types.ts'

/** The exceptions of Pekko's suite: the second is a special case of the first. */
export class Exc1 extends Error {
  override readonly name: string = 'Exc1'
}
export class Exc2 extends Exc1 {
  override readonly name = 'Exc2'
}
export class Exc3 extends Error {
  override readonly name = 'Exc3'
}

/** `restart` of Pekko: at once, and as often as it takes. */
export const atOnce: PolicyInput = {
  backoff: { initial: 0, factor: 1, max: 0, jitter: 'none', resetAfter: 1_000 },
  intensity: { restarts: 10_000, within: 3_600_000 },
  startTimeout: 600_000,
  shutdown: 600_000,
}

/** `restartWithBackoff` of Pekko, without chance. */
export const backoff = (initial: number, max: number, resetAfter = (initial + max) / 2): PolicyInput => ({
  backoff: { initial, factor: 2, max, jitter: 'none', resetAfter },
  // As good as no limit, and one that this backoff can reach.
  intensity: { restarts: 1_000, within: 1_001 * (max + 1) },
})

/** `restart.withLimit` of Pekko. */
export const limit = (restarts: number, within: number): PolicyInput => ({ intensity: { restarts, within } })

/** Counts, answers pings, and fails in the way that it is told: by its own word, or by a throw while it handles the message. */
export type Command =
  | 'increment'
  | 'state'
  | 'end'
  | `ping ${number}`
  | Error
  | { readonly fail: Error }
  | { readonly [word: string]: unknown }

/** One incarnation of an actor. */
export interface Life {
  readonly number: number
  readonly self: ResourceSelf
  readonly signal: AbortSignal
  state: number
}

export interface Behaviour {
  /** Part of the start; it may throw or take its time. */
  readonly start?: (life: Life) => unknown
  readonly stop?: (life: Life) => unknown
  /** For messages that no actor knows by itself. */
  readonly receive?: (life: Life, message: object) => unknown
}

export interface Actor {
  readonly id: string
  /** All of its incarnations, the oldest first. */
  readonly lives: readonly Life[]
  readonly definition: ResourceDefinition<object, Life, Command>
  readonly typed: ChildSpec<object, Life, Command>
  readonly spec: AnyChildSpec
}

type Changes = Partial<Omit<ChildSpec<object, Life, Command>, 'id' | 'resource' | 'input'>>

function handle({ receive }: Behaviour, life: Life, message: Command, tell: (line: string) => void): unknown {
  if (message instanceof Error) throw message
  if (typeof message === 'object') {
    if (message['fail'] === undefined) return receive?.(life, message)
    return life.self.fail(message['fail'])
  }
  if (message === 'state') return life.state
  if (message === 'end') return life.self.end()
  if (message === 'increment') {
    life.state += 1
    return life.state
  }
  const answer = message.replace('ping', 'pong')
  tell(answer)
  return answer
}

/** The virtual time, what the actors tell in the order in which they tell it, and what was reported of them. */
export function world() {
  const clock = new VirtualClock()
  const told: string[] = []
  const events: SupervisionEvent[] = []
  const logged: { readonly level: string; readonly message: string }[] = []
  const line = (level: string) => (_: object, message: string) => void logged.push({ level, message })
  const log: ResourceLog = {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
  }

  function actor(id: string, behaviour: Behaviour = {}, changes: Changes = {}): Actor {
    const lives: Life[] = []
    const tell = (what: string): void => void told.push(`${id} ${what}`)
    const definition = defineResource<object, Life, Command>({
      kind: 'actor',
      machine: lifecycle,
      async initialize({ self, signal }) {
        const life: Life = { number: lives.length + 1, self, signal, state: 0 }
        lives.push(life)
        tell('starts')
        await behaviour.start?.(life)
        return life
      },
      async cleanup(client) {
        await behaviour.stop?.(client ?? (lives.at(-1) as Life))
        tell('stopped')
      },
      receive: (life, message) => handle(behaviour, life, message, tell),
    })
    const typed: ChildSpec<object, Life, Command> = { id, resource: definition, input: {}, ...changes }
    return { id, lives, definition, typed, spec: childSpec(typed) }
  }

  async function grow(
    children: readonly (Actor | AnyChildSpec)[] = [],
    options: Partial<SuperviseOptions> = {},
  ) {
    const root = await supervise({
      clock,
      log,
      random: seededRandom(7),
      policies: { default: atOnce },
      children: children.map(one => ('spec' in one ? one.spec : one) as AnyChildSpec),
      onEvent: event => void events.push(event),
      ...options,
    })
    return root
  }

  return {
    clock,
    events,
    logged,
    log,
    actor,
    grow,
    /** Takes what was told since the last time. */
    told: () => told.splice(0),
    /** Lets an actor fail while it handles a message, and lets all follow that takes no time. */
    async crash(root: Pick<SupervisorClient, 'ref'>, { definition, id }: Actor, error: Error = new Exc1()) {
      root.ref(definition, id).tell({ fail: error })
      await clock.advance(0)
    },
    /** Events of one type as `name#incarnation`. */
    of: (type: SupervisionEvent['type']) =>
      events.filter(event => event.type === type).map(({ name, incarnation }) => `${name}#${incarnation}`),
  }
}

/** A spec of a supervisor below another one. */
export const sub = (
  id: string,
  children: readonly (Actor | AnyChildSpec)[],
  options: Partial<SuperviseOptions> & { readonly policy?: PolicyInput } = {},
): ChildSpec<object, SupervisorClient> => {
  const { policy, ...input } = options
  return {
    id,
    resource: supervisorResource as never,
    input: { children: children.map(one => ('spec' in one ? one.spec : one)), ...input },
    ...(policy && { policy }),
  }
}

/** What the end of a root supervisor says when it gave up. */
export const gaveUp = { reason: 'failed', error: { code: 'EXO_INTENSITY_EXCEEDED' } }

/** States or incarnations by id. */
export const incarnations = (root: Pick<SupervisorClient, 'children'>) =>
  Object.fromEntries(
    root.children().map(({ id, state, incarnation }) => [id, state === 'READY' ? incarnation : state]),
  )
