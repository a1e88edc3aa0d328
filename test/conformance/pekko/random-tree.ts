import { lifecycle } from '../../../machines/lifecycle.ts'
import type { Clock } from '../../../src/concurrency/clock.ts'
import type { Random } from '../../../src/concurrency/random.ts'
import { schedule } from '../../../src/concurrency/timer.ts'
import { defineResource } from '../../../src/resources/define.ts'
import { childSpec } from '../../../src/supervision/child-spec.ts'
import type { PolicyInput } from '../../../src/supervision/policy.ts'
import { supervisorResource } from '../../../src/supervision/supervisor-resource.ts'
import type { AnyChildSpec, SupervisorClient, SupervisorInput } from '../../../src/supervision/types.ts'

const strategies = ['one_for_one', 'one_for_all', 'rest_for_one', 'dependency_closure'] as const

/** Most are restarted for a failure alone; some for a throw of their handler too, some for nothing; some have a circuit. */
const policies: readonly PolicyInput[] = [
  {},
  {},
  { decide: { Error: 'restart' } },
  { decide: { EXO_RESOURCE_FAILED: 'resume' } },
  { intensity: { restarts: 1, within: 100 }, circuit: 50 },
]

/** What happened, of all actors, in the order in which it happened. */
interface Chronicle {
  note(who: string, what: string): void
  /** Something that must never happen. */
  violation(who: string, what: string): void
}

interface World {
  readonly clock: Clock
  readonly random: Random
  readonly chronicle: Chronicle
  /** True while starts, cleanups and handlers may fail and take their time. */
  readonly trouble: { on: boolean }
  /** True when that place was told to stand still, by itself or with a supervisor above it. */
  suspended(path: readonly string[]): boolean
}

/** One place in the tree: an actor, or a supervisor with places below it. */
export interface Place {
  readonly path: readonly string[]
  readonly spec: AnyChildSpec
  readonly below: readonly Place[]
  /** Lives that have begun to start and have not ended their cleanup. */
  open(): number
}

const whole = (random: Random, below: number): number => Math.floor(random() * below)

function sleep({ clock }: World, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const cancel = schedule(clock, ms, resolve)
    signal.addEventListener('abort', () => {
      cancel()
      resolve()
    })
  })
}

/** An actor that looks at each step whether it may run at all. */
function actorPlace(path: readonly string[], world: World): Place {
  const { random, chronicle, trouble } = world
  const who = path.join('/')
  const open = new Set<{ phase: 'starting' | 'working' | 'stopping'; busy: boolean }>()
  type Life = typeof open extends Set<infer Each> ? Each : never
  const check = (life: Life, phase: Life['phase']): void => {
    if (!open.has(life)) chronicle.violation(who, `runs (${phase}) after its end`)
    if (life.phase !== phase) chronicle.violation(who, `runs (${phase}) while it is ${life.phase}`)
    if (life.busy) chronicle.violation(who, 'handles two messages at once')
  }
  let latest: Life | undefined
  const resource = defineResource<object, Life, 'ping' | 'crash' | 'throw'>({
    kind: 'actor',
    machine: lifecycle,
    async initialize({ signal, self }) {
      if (open.size > 0) chronicle.violation(who, 'starts before the life before it has ended')
      const life: Life = { phase: 'starting', busy: false }
      latest = life
      open.add(life)
      chronicle.note(who, `starts ${self.incarnation}`)
      if (trouble.on && random() < 0.1) await sleep(world, whole(random, 10), signal)
      if (trouble.on && random() < 0.02) throw new Error(`${who} does not start`)
      life.phase = 'working'
      return life
    },
    async cleanup(client, { signal }) {
      const life = client ?? latest
      if (!life || !open.has(life) || life.phase === 'stopping') {
        chronicle.violation(who, 'is cleaned up twice')
        return
      }
      life.phase = 'stopping'
      chronicle.note(who, 'stops')
      if (trouble.on && random() < 0.1) await sleep(world, whole(random, 10), signal)
      open.delete(life)
      chronicle.note(who, 'stopped')
      if (trouble.on && random() < 0.1) throw new Error(`${who} does not clean up`)
    },
    async receive(life, message, { signal, self }) {
      check(life, 'working')
      if (world.suspended(path)) chronicle.violation(who, 'runs while it is suspended')
      chronicle.note(who, message)
      if (message === 'throw') throw new Error(`${who} threw`)
      if (message === 'crash') return self.fail(new Error(`${who} crashed`))
      life.busy = true
      if (trouble.on && random() < 0.2) await sleep(world, whole(random, 10), signal)
      life.busy = false
      return 'pong'
    },
  })
  const id = path.at(-1) as string
  const spec = childSpec({
    id,
    resource,
    input: {},
    policy: policies[whole(random, policies.length)] ?? {},
    ...(random() < 0.2 && { restart: 'transient' as const }),
  })
  return { path, spec, below: [], open: () => open.size }
}

/** Lets places need some of those before them. */
const entangled = (places: readonly Place[], random: Random): readonly AnyChildSpec[] =>
  places.map(({ spec }, index) => ({
    ...spec,
    dependsOn: places.slice(0, index).flatMap(({ spec: { id } }) => (random() < 0.3 ? [id] : [])),
  }))

/** A tree of `size` places at most `breadth` wide, as Pekko's stress test grows it. */
export function grow(size: number, breadth: number, world: World, path: readonly string[] = ['top']): Place {
  if (size <= 1) return actorPlace(path, world)
  const { random } = world
  const count = 1 + whole(random, Math.min(breadth, size - 1))
  const share = (size - 1) / count
  const below = Array.from({ length: count }, (_, index) =>
    grow(Math.floor(share * (index + 1)) - Math.floor(share * index), breadth, world, [...path, `${index}`]),
  )
  const strategy = strategies[whole(random, strategies.length)] ?? 'one_for_one'
  const input: SupervisorInput = {
    strategy,
    children: strategy === 'dependency_closure' ? entangled(below, random) : below.map(place => place.spec),
    // Half of the supervisors give up soon, so that failures climb.
    ...(random() < 0.5 && { intensity: { restarts: 3, within: 200 } }),
  }
  const spec = childSpec({ id: path.at(-1) as string, resource: supervisorResource as never, input })
  return { path, spec, below, open: () => below.reduce((sum, place) => sum + place.open(), 0) }
}

/** All places of a tree, the top first. */
export const placesOf = (place: Place): readonly Place[] => [place, ...place.below.flatMap(placesOf)]

/** The supervisor of a place, as far as those above it are there. */
export function supervisorOf(
  root: SupervisorClient,
  { path }: Pick<Place, 'path'>,
): SupervisorClient | undefined {
  let at: SupervisorClient | undefined = root
  for (const id of path.slice(0, -1)) at = at?.ref(id).client as SupervisorClient | undefined
  return at
}
