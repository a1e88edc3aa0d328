import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LifecycleState, lifecycle } from '../../machines/lifecycle.ts'
import { seededRandom } from '../../src/concurrency/random.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { defineResource } from '../../src/resources/define.ts'
import type { ResourceSelf, StateChange } from '../../src/resources/types.ts'
import type { PolicyInput } from '../../src/supervision/policy.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import type { ChildSpec, StrategyName, SupervisionEvent } from '../../src/supervision/types.ts'

const ids = ['a', 'b', 'c'] as const
type Id = (typeof ids)[number]
type Initialize = 'ok' | 'slow' | 'fail' | 'hang'

const LIMIT = { restarts: 3, within: 20_000 }
const SHUTDOWN = 200
const policy: PolicyInput = {
  intensity: LIMIT,
  backoff: { initial: 50, factor: 2, max: 1_000, jitter: 'full', resetAfter: 3_000 },
  degraded: { grace: 300, soft: 1, after: { failures: 2, of: 3 } },
  probe: { interval: 400, timeout: 50 },
  startTimeout: 600,
  shutdown: SHUTDOWN,
}

const legal: Readonly<Record<LifecycleState, readonly LifecycleState[]>> = {
  UNINITIALIZED: ['INITIALIZING', 'CLOSED'],
  INITIALIZING: ['READY', 'ERROR', 'CLOSING'],
  READY: ['DEGRADED', 'ERROR', 'CLOSING'],
  DEGRADED: ['READY', 'ERROR', 'CLOSING'],
  ERROR: ['CLOSING'],
  CLOSING: ['CLOSED'],
  CLOSED: [],
}

interface Life {
  readonly self: ResourceSelf
  cleanups: number
  over: boolean
  closingSince: number
}

/** A world of three children whose faults are set from outside, which notes every broken promise. */
class World {
  readonly clock = new VirtualClock()
  readonly violations: string[] = []
  readonly events: SupervisionEvent[] = []
  readonly lives: Record<Id, Life[]> = { a: [], b: [], c: [] }
  readonly mode: Record<Id, { initialize: Initialize; slowCleanup: boolean; sick: boolean }>
  readonly asks = { made: 0, settled: 0 }
  isClosing = false

  constructor() {
    const mode = () => ({ initialize: 'ok' as Initialize, slowCleanup: false, sick: false })
    this.mode = { a: mode(), b: mode(), c: mode() }
  }

  expect(holds: boolean, what: string): void {
    if (!holds) this.violations.push(what)
  }

  wait(ms: number): Promise<void> {
    return new Promise(resolve => void this.clock.setTimeout(resolve, ms))
  }

  #begin(id: Id, self: ResourceSelf): Life {
    const older = this.lives[id]
    this.expect(!this.isClosing, `${id} started after closing began`)
    this.expect(
      older.every(life => (life.over && life.cleanups === 1) || this.#isLeftBehind(id, life)),
      `${id} started while an older one lives`,
    )
    this.expect(
      self.incarnation > (older.at(-1)?.self.incarnation ?? 0),
      `${id} has an incarnation that does not grow`,
    )
    const life = { self, cleanups: 0, over: false, closingSince: Number.POSITIVE_INFINITY }
    older.push(life)
    return life
  }

  /** True for a life that has had all of its time for closing, and of which the supervisor has said so. */
  #isLeftBehind(id: Id, { self, closingSince }: Life): boolean {
    const told = this.events.some(
      ({ type, name, incarnation, error }) =>
        type === 'shutdown_error' &&
        error?.code === 'EXO_SHUTDOWN_TIMEOUT' &&
        name === id &&
        incarnation === self.incarnation,
    )
    return told && this.clock.now() - closingSince >= SHUTDOWN
  }

  changed(id: Id, { state, previous, incarnation }: StateChange): void {
    this.expect(legal[previous].includes(state), `${id}: ${previous} to ${state}`)
    const life = this.lives[id].find(({ self }) => self.incarnation === incarnation)
    if (state === 'CLOSING' && life) life.closingSince = this.clock.now()
    this.expect(
      state !== 'CLOSED' || life === undefined || life.over || this.#isLeftBehind(id, life),
      `${id} is CLOSED before its cleanup has ended or its time is over`,
    )
  }

  spec(id: Id): ChildSpec<object, Life, string> {
    const definition = defineResource<object, Life, string>({
      kind: 'thing',
      machine: lifecycle,
      initialize: async ({ self, signal }) => {
        const life = this.#begin(id, self)
        const { initialize } = this.mode[id]
        if (initialize === 'fail') throw new Error('cannot start')
        if (initialize === 'slow') await this.wait(120)
        if (initialize === 'hang')
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        return life
      },
      checkHealth: async () => {
        if (this.mode[id].sick) throw new Error('sick')
      },
      recover: async () => {
        if (this.mode[id].sick) throw new Error('still sick')
      },
      cleanup: async client => {
        const life = client ?? this.lives[id].at(-1)
        if (this.mode[id].slowCleanup) await this.wait(100)
        if (life) {
          life.cleanups += 1
          life.over = true
        }
      },
      receive: async (client, message) => {
        this.expect(client === this.lives[id].at(-1), `${id} handled a message with an old client`)
        if (message === 'slow') await this.wait(80)
        return message
      },
    })
    return { id, resource: definition, input: {} }
  }
}

type Command =
  | { readonly type: 'fail' | 'degrade' | 'end' | 'stop' | 'restart' | 'cure'; readonly id: Id }
  | { readonly type: 'ask'; readonly id: Id; readonly message: string }
  | {
      readonly type: 'mode'
      readonly id: Id
      readonly initialize: Initialize
      readonly slowCleanup: boolean
      readonly sick: boolean
    }
  | { readonly type: 'advance'; readonly ms: number }

const id = fc.constantFrom(...ids)
const commands: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('fail' as const), id }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('advance' as const),
      ms: fc.constantFrom(0, 1, 40, 150, 700, 4_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom(
        'degrade' as const,
        'end' as const,
        'stop' as const,
        'restart' as const,
        'cure' as const,
      ),
      id,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('ask' as const), id, message: fc.constantFrom('slow', 'fast') }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('mode' as const),
      id,
      initialize: fc.constantFrom<Initialize>('ok', 'slow', 'fail', 'hang'),
      slowCleanup: fc.boolean(),
      sick: fc.boolean(),
    }),
  },
)

/** An initialising that does not hear its signal, and a cleanup after it, which together take longer than closing may. */
const leftBehind: Command[] = [
  { type: 'mode', id: 'c', initialize: 'slow', slowCleanup: false, sick: false },
  { type: 'restart', id: 'c' },
  { type: 'advance', ms: 1 },
  { type: 'mode', id: 'c', initialize: 'slow', slowCleanup: true, sick: false },
  { type: 'fail', id: 'c' },
  { type: 'advance', ms: 700 },
]

const swallow = () => undefined

async function run(strategy: StrategyName, script: readonly Command[], seed: number) {
  const world = new World()
  const { clock } = world
  const root = await supervise({
    clock,
    strategy,
    random: seededRandom(seed),
    policies: { default: policy },
    children: ids.map(name => world.spec(name) as never),
    onEvent: event => void world.events.push(event),
  })
  for (const name of ids) root.ref(name).subscribe(change => world.changed(name, change))
  for (const command of script) await perform(command, world, root)
  return { world, clock, root }
}

type Root = Awaited<ReturnType<typeof supervise>>

async function perform(command: Command, world: World, root: Root): Promise<void> {
  switch (command.type) {
    case 'advance':
      return world.clock.advance(command.ms)
    case 'mode':
      world.mode[command.id] = command
      return
    case 'cure':
      world.mode[command.id] = { initialize: 'ok', slowCleanup: false, sick: false }
      return
    case 'ask':
      world.asks.made += 1
      void root
        .ref(command.id)
        .ask(command.message, { timeout: 500 })
        .then(swallow, swallow)
        .then(() => (world.asks.settled += 1))
      return
    case 'fail':
    case 'degrade':
      root.ref(command.id)[command.type](new Error(command.type))
      return
    case 'end':
      world.lives[command.id].at(-1)?.self.end()
      return
    case 'stop':
    case 'restart':
      root[command.type](command.id).catch(swallow)
  }
}

/** The most accepted restarts of one child that lie within one window. */
function mostInAWindow(events: readonly SupervisionEvent[], name: string): number {
  const times = events
    .filter(({ type, name: of }) => type === 'backoff_scheduled' && of === name)
    .map(({ at }) => at)
  return Math.max(
    0,
    ...times.map(start => times.filter(at => at >= start && at - start <= LIMIT.within).length),
  )
}

describe.each(['one_for_one', 'one_for_all', 'rest_for_one'] as const)(
  '%s, under any script of faults and commands',
  strategy => {
    it('keeps its promises while they happen and when it is closed in the middle of them', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(commands, { maxLength: 25 }), fc.nat(), async (script, seed) => {
          const { world, clock, root } = await run(strategy, script, seed)
          world.isClosing = true
          const closing = root.close()
          await clock.advance(5_000)
          await closing
          for (const name of ids) {
            expect(mostInAWindow(world.events, name)).toBeLessThanOrEqual(LIMIT.restarts)
            expect(world.lives[name].map(({ cleanups }) => cleanups)).toEqual(world.lives[name].map(() => 1))
          }
          expect(world.violations).toEqual([])
          expect(world.asks.settled).toBe(world.asks.made)
          expect(root.state).toBe('CLOSED')
          expect(clock.pending).toBe(0)
        }),
        { numRuns: 200, examples: [[leftBehind, 0]] },
      )
    })

    it('comes to rest once the faults cease: each child is READY or was stopped, or the supervisor has given up', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(commands, { maxLength: 25 }), fc.nat(), async (script, seed) => {
          const { world, clock, root } = await run(strategy, script, seed)
          for (const name of ids) world.mode[name] = { initialize: 'ok', slowCleanup: false, sick: false }
          await clock.advance(8_000)
          if (root.state === 'READY') {
            for (const { id: name, state, ended } of root.children())
              expect(ended || state === 'READY', `${name} ${state}`).toBe(true)
          } else {
            expect((await root.closed).reason).toBe('failed')
          }
          world.isClosing = true
          const closing = root.close()
          await clock.advance(1_000)
          await closing
          expect(world.violations).toEqual([])
          expect(clock.pending).toBe(0)
        }),
        { numRuns: 100 },
      )
    })

    it('repeats itself exactly with the same script and seed', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(commands, { maxLength: 25 }), fc.nat(), async (script, seed) => {
          const once = async () => {
            const { world, clock, root } = await run(strategy, script, seed)
            const closing = root.close()
            await clock.advance(5_000)
            await closing
            return world.events
          }
          expect(await once()).toEqual(await once())
        }),
        { numRuns: 30 },
      )
    })
  },
)
