import { isExovisorError } from '../../src/errors.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import { act } from './actions.ts'
import { findUnrest } from './invariants/convergence.ts'
import { isBranch, nodesOf, type Scenario } from './scenario.ts'
import { type Violation, World } from './world.ts'

/** How a world ended that kept all its promises. */
type Ending = 'broken' | 'closed early' | 'gave up' | 'did not start' | 'converged'

/** What came of one world. */
export interface Verdict {
  readonly seed: number
  readonly violation: Violation | undefined
  readonly ending: Ending
  /** Equal for two runs of one scenario. */
  readonly hash: string
  readonly trace: readonly string[]
  readonly steps: number
  readonly events: number
  readonly lives: number
  readonly simulatedMs: number
}

/** How many spawned children may hold each other up. */
const MOST_SPAWNED = 6

/** Time enough for anything that is under way to come to its end, one child after the other. */
function patience({ root }: Scenario): number {
  const all = [...nodesOf(root)].flatMap(node =>
    isBranch(node) && node.template
      ? [node, ...Array.from({ length: MOST_SPAWNED }, () => node.template)]
      : [node],
  )
  const times = all
    .flatMap(node => node ?? [])
    .map(({ policy: { backoff, startTimeout, shutdown, degraded, probe, circuit } }) => {
      const start = Number.isFinite(startTimeout) ? startTimeout : 0
      const closing = typeof shutdown === 'number' ? shutdown : 5_000
      const mending = (degraded.grace + start) * (degraded.soft + 1)
      const probing = degraded.after.of * (probe.interval + probe.timeout)
      const down = circuit === 'off' ? 0 : circuit
      return 2 * (start + closing) + backoff.max + mending + probing + down
    })
  return 10_000 + 2 * times.reduce((sum, time) => sum + time, 0)
}

class Play {
  readonly #world: World
  readonly #patience: number
  #ended = false
  #gaveUp = false

  constructor(scenario: Scenario, machines: boolean) {
    this.#world = new World(scenario, machines)
    this.#world.perform = action => act(this.#world, action)
    this.#patience = patience(scenario)
  }

  async run(): Promise<Verdict> {
    const world = this.#world
    const onRejection = (error: unknown): void => world.fault('a rejection that nobody handled', error)
    process.on('unhandledRejection', onRejection)
    try {
      const ending = await this.#live()
      return this.#verdict(ending)
    } finally {
      process.off('unhandledRejection', onRejection)
    }
  }

  async #live(): Promise<Ending> {
    const world = this.#world
    const started = await this.#start()
    if (started) {
      await this.#safetyPhase()
      if (!this.#ended) await this.#livenessPhase()
      if (!this.#ended) act(world, { do: 'close' })
    }
    if (world.violation) return 'broken'
    const early = this.#ended
    await this.#waitUntil(() => this.#ended)
    if (!this.#ended) this.#blame('closes', 'the root is not CLOSED after all the time that closing can take')
    await this.#waitUntil(() => world.timers.armed === 0)
    await world.clock.settle()
    world.check(invariant => invariant.ends?.(world))
    if (!started) return 'did not start'
    if (this.#gaveUp) return 'gave up'
    return early ? 'closed early' : 'converged'
  }

  async #start(): Promise<boolean> {
    const world = this.#world
    let settled = false
    supervise(world.options()).then(
      root => {
        settled = true
        world.root = root
        world.note('= the root is READY')
        root.subscribe(({ state }) => {
          world.note(`root is ${state}`)
          if (state === 'ERROR' || state === 'CLOSING') world.post('root').stopsSince ??= world.time
        })
        void root.closed.then(({ reason }) => {
          world.note(`= the root has ended: ${reason}`)
          this.#ended = true
          this.#gaveUp = reason === 'failed'
        })
        world.attach()
      },
      (error: unknown) => {
        settled = true
        this.#ended = true
        const text = error instanceof Error ? error.message : String(error)
        world.note(`= the root did not start: ${text}`)
        // A tree that is refused is no world: it would keep every promise.
        if (isExovisorError(error, 'EXO_CHILD_SPEC_INVALID')) this.#blame('is-a-world', text)
      },
    )
    await this.#waitUntil(() => settled)
    if (!settled)
      this.#blame('starts', 'supervise() has not settled after all the time that starting can take')
    return world.root !== undefined
  }

  async #safetyPhase(): Promise<void> {
    const world = this.#world
    for (const action of world.scenario.script) {
      if (this.#ended || world.violation) return
      world.step += 1
      if (action.do === 'advance') await this.#advance(action.ms)
      else if (action.do === 'leap') {
        world.note(`> the process hangs for ${action.ms} ms`)
        world.hasHung = true
        await world.clock.leap(action.ms)
        this.#rest()
      } else if (action.do === 'hop') for (let hop = 0; hop < action.count; hop += 1) await Promise.resolve()
      else act(world, action)
    }
  }

  async #livenessPhase(): Promise<void> {
    const world = this.#world
    world.step += 1
    world.note('-- the faults cease')
    world.isHealed = true
    world.ambushes.length = 0
    for (const post of world.ledger.posts.values())
      if (post.suspended !== false) act(world, { do: 'resume', id: post.id })
    const isCalm = (): boolean =>
      findUnrest(world) === undefined && world.ledger.pending.every(({ settled }) => settled > 0)
    await this.#waitUntil(() => this.#ended || isCalm())
    if (!this.#ended) world.check(invariant => invariant.converged?.(world))
  }

  /** Lets time pass until something is so, or for as long as anything may take. */
  async #waitUntil(isSo: () => boolean): Promise<void> {
    const { clock } = this.#world
    const end = clock.time + this.#patience
    await clock.settle()
    while (!isSo() && !this.#world.violation && clock.time < end) {
      await clock.stepUntil(end)
      this.#rest()
    }
  }

  async #advance(ms: number): Promise<void> {
    const { clock } = this.#world
    const end = clock.time + ms
    await clock.settle()
    this.#rest()
    while (!this.#world.violation && (await clock.stepUntil(end))) this.#rest()
  }

  #rest(): void {
    this.#world.rest()
  }

  #blame(invariant: string, text: string): void {
    const world = this.#world
    if (world.violation) return
    world.violation = { invariant, step: world.step, time: world.time, text }
    world.note(`!! ${invariant}: ${text}`)
  }

  #verdict(ending: Ending): Verdict {
    const { scenario, violation, trace, step, ledger, time } = this.#world
    return {
      seed: scenario.seed,
      violation,
      ending,
      hash: trace.hash(),
      trace: trace.lines,
      steps: step,
      events: trace.lines.length,
      lives: ledger.lives.length,
      simulatedMs: time,
    }
  }
}

/**
 * Plays a scenario to its end, or to the first invariant that does not hold.
 * @param machines with XState's interpreter in place of the tables that are made of the machines
 */
export function play(scenario: Scenario, machines = false): Promise<Verdict> {
  return new Play(scenario, machines).run()
}
