import { lifecycle } from '../../../machines/lifecycle.ts'
import { VirtualClock } from '../../../src/concurrency/virtual-clock.ts'
import { defineResource } from '../../../src/resources/define.ts'
import type { ResourceSelf } from '../../../src/resources/types.ts'
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

/** OTP has one window for each supervisor and no backoff: so the children's own windows are wide here, and restarts come at once. */
const asInOtp: PolicyInput = {
  backoff: { initial: 0, factor: 1, max: 0, jitter: 'none', resetAfter: 1_000 },
  intensity: { restarts: 10_000, within: 3_600_000 },
  startTimeout: 60_000,
  shutdown: 1_000,
}

interface Life {
  readonly self: ResourceSelf
  /** How it was told to stop, once it was; whether the signal of its cleanup was aborted from the start. */
  stopped: { reason: string; atOnce: boolean } | undefined
  /** How its cleanup ended. */
  left: 'done' | 'killed' | undefined
}

interface Behaviour {
  /** What a start does; it may throw or take its time. The first life is 1. */
  readonly start?: (life: number, signal: AbortSignal) => unknown
  readonly stop?: (life: number, signal: AbortSignal) => unknown
}

type Changes = Partial<Omit<ChildSpec<object, object>, 'id' | 'resource' | 'input'>>

/** A scripted child and all of its lives. */
export function worker(id: string, { start, stop }: Behaviour = {}, changes: Changes = {}) {
  const lives: Life[] = []
  const resource = defineResource<object, Life>({
    kind: 'worker',
    machine: lifecycle,
    async initialize({ self, signal }) {
      const life: Life = { self, stopped: undefined, left: undefined }
      lives.push(life)
      await start?.(lives.length, signal)
      return life
    },
    async cleanup(client, { reason, signal }) {
      const life = client ?? lives.at(-1)
      if (!life) return
      life.stopped = { reason, atOnce: signal.aborted }
      signal.addEventListener('abort', () => {
        life.left ??= 'killed'
      })
      await stop?.(lives.indexOf(life) + 1, signal)
      life.left ??= signal.aborted ? 'killed' : 'done'
    },
  })
  const spec: ChildSpec<object, Life> = { id, resource, input: {}, ...changes }
  return { id, lives, spec: childSpec(spec), typed: spec }
}

export type Worker = ReturnType<typeof worker>

/** A child that may be told to fail each start, two seconds after it began. */
export function deadlock(id: string, clock: () => { setTimeout(fn: () => void, ms: number): unknown }) {
  const world = { failing: false }
  const child = worker(id, {
    start: (_, signal) =>
      world.failing &&
      new Promise((_resolve, reject) => {
        const fail = () => reject(new Error('error'))
        clock().setTimeout(fail, 2_000)
        signal.addEventListener('abort', fail)
      }),
  })
  return { ...child, world }
}

/** A spec of a supervisor below another one. */
export const sub = (
  id: string,
  children: readonly AnyChildSpec[],
  options: Partial<SuperviseOptions> = {},
): ChildSpec<object, SupervisorClient> => ({
  id,
  resource: supervisorResource as never,
  input: { children, ...options },
})

/** What OTP's test calls a supervisor with flags: strategy, intensity and a period in seconds, and its children. */
export async function otp(
  strategy: NonNullable<SuperviseOptions['strategy']>,
  restarts: number,
  seconds: number,
  workers: readonly (Worker | AnyChildSpec)[] = [],
  options: Partial<SuperviseOptions> = {},
) {
  const clock = new VirtualClock()
  const events: SupervisionEvent[] = []
  const root = await supervise({
    clock,
    strategy,
    intensity: { restarts, within: seconds * 1_000 },
    policies: { default: asInOtp },
    children: workers.map(one => ('spec' in one ? one.spec : one) as AnyChildSpec),
    onEvent: event => void events.push(event),
    ...options,
  })
  /** Ends a child, and lets all follow that takes no time. */
  const terminate = async (id: string, how: 'abnormal' | 'normal' | 'shutdown' = 'abnormal', on = root) => {
    const ref = on.ref(id) as { readonly client: unknown; fail(error: unknown): void }
    if (how === 'abnormal') ref.fail(new Error('abnormal'))
    else (ref.client as Life).self.end(how)
    await clock.advance(0)
  }
  return { root, clock, events, terminate }
}

/** How many children are known, and how many of them run: what count_children tells. */
export const counts = (root: Pick<SupervisorClient, 'children'>) => {
  const children = root.children()
  return [children.length, children.filter(({ state }) => state === 'READY').length]
}

/** Incarnations by id: what the process ids of which_children tell. */
export const incarnations = (root: Pick<SupervisorClient, 'children'>) =>
  Object.fromEntries(
    root.children().map(({ id, state, incarnation }) => [id, state === 'READY' ? incarnation : state]),
  )

/** A dynamic supervisor whose children are made of one worker's definition, and a way to start one. */
export async function simple(
  restarts: number,
  seconds: number,
  { typed }: Pick<Worker, 'typed'>,
  { options = {}, ...changes }: Changes & { readonly options?: Partial<SuperviseOptions> } = {},
) {
  const { resource } = typed
  const template = { resource, ...changes }
  const world = await otp('dynamic', restarts, seconds, [], { template, ...options })
  const spawn = (id: string, input: object = {}) => world.root.spawn(resource, input, { id })
  return { ...world, spawn }
}

/** The code of the error with which a promise rejects, or ok. */
export const code = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: { code: string }) => error.code,
  )

export const never = (): Promise<never> => new Promise(() => undefined)
