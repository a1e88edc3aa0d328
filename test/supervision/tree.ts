import { seededRandom } from '../../src/concurrency/random.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { childSpec } from '../../src/supervision/child-spec.ts'
import type { PolicyInput } from '../../src/supervision/policy.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import type {
  AnyChildSpec,
  ChildSpec,
  SuperviseOptions,
  SupervisionEvent,
} from '../../src/supervision/types.ts'
import { type Script, scripted } from '../resources/scripted.ts'

/** No chance, short times: so that a test can say when something happens. */
export const calm: PolicyInput = {
  backoff: { initial: 100, factor: 2, max: 1_000, jitter: 'none', resetAfter: 5_000 },
  intensity: { restarts: 3, within: 60_000 },
  degraded: { grace: 1_000, soft: 2 },
  startTimeout: 500,
  shutdown: 300,
}

type ScriptedDefinition = ReturnType<typeof scripted>['definition']

/** A kind of child and what its incarnations saw, with a spec for it. */
export function kid(
  id: string,
  changes: Partial<Script> = {},
  more: Partial<ChildSpec<object, { life: number }, string>> = {},
) {
  const made = scripted(changes)
  const spec: ChildSpec<object, { readonly life: number }, string> = {
    id,
    resource: made.definition,
    input: {},
    ...more,
  }
  return {
    ...made,
    id,
    spec: childSpec(spec),
    typed: spec,
    definition: made.definition as ScriptedDefinition,
  }
}

/** A supervisor under a virtual clock, and all that it told. */
export async function grow(children: readonly AnyChildSpec[], options: Partial<SuperviseOptions> = {}) {
  const clock = (options.clock ?? new VirtualClock()) as VirtualClock
  const events: SupervisionEvent[] = []
  const logged: string[] = []
  const note = (_: object, message: string) => void logged.push(message)
  const root = await supervise({
    clock,
    random: seededRandom(1),
    log: { debug: note, info: note, warn: note, error: note },
    policies: { default: calm },
    children,
    onEvent: event => void events.push(event),
    ...options,
  })
  /** The events as short text, without those that every start makes. */
  const story = () =>
    events
      .filter(({ type }) => type !== 'started')
      .map(
        ({ type, name, incarnation, delay }) =>
          `${type} ${name}#${incarnation}${delay === undefined ? '' : ` ${delay}`}`,
      )
  return { clock, events, logged, root, story }
}
