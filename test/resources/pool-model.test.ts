import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/concurrency/random.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createPool, type OwnedPool } from '../../src/resources/pool/create-pool.ts'
import type { Lease } from '../../src/resources/pool/types.ts'
import { type Borrower, borrow, type Connection, pooled } from './pooled.ts'

const MAX = 3
const MAX_WAITERS = 4
const SHUTDOWN = 500

/**
 * The pool as it ought to be, as plain lists. Members are serial numbers in the order of their creation, callers are numbers in the
 * order of their coming. Each creation is for one caller; when that one is served by another member or leaves, it is for the
 * longest waiting caller that has none.
 */
class Model {
  creating: { serial: number; caller: number | undefined }[] = []
  /** The one that was used last stands at the end. */
  idle: number[] = []
  borrowed = new Map<number, number>()
  /** Closed by somebody, and waiting for the cleanup to end. */
  closing: number[] = []
  waiting: { caller: number; deadline: number }[] = []
  outcomes = new Map<number, number | string>()
  now = 0
  serials = 0
  callers = 0
  slowCleanup = false

  get size(): number {
    return this.creating.length + this.idle.length + this.borrowed.size + this.closing.length
  }

  acquire(timeout: number): number {
    this.callers += 1
    const caller = this.callers
    this.waiting.push({ caller, deadline: this.now + timeout })
    this.settle()
    if (this.#unserved().length > MAX_WAITERS && this.#unserved().includes(caller))
      this.leave(caller, 'EXO_POOL_EXHAUSTED')
    return caller
  }

  leave(caller: number, outcome: string): void {
    if (!this.waiting.some(waiter => waiter.caller === caller)) return
    this.#forget(caller)
    this.outcomes.set(caller, outcome)
    this.settle()
  }

  made(serial: number): void {
    this.creating = this.creating.filter(creation => creation.serial !== serial)
    this.idle.push(serial)
    this.settle()
  }

  failed(serial: number): void {
    const creation = this.creating.find(each => each.serial === serial)
    this.creating = this.creating.filter(each => each !== creation)
    if (creation?.caller !== undefined) {
      const { caller } = creation
      this.#forget(caller)
      this.outcomes.set(caller, 'EXO_RESOURCE_FAILED')
    }
    this.settle()
  }

  /** Does nothing unless that caller has the member now. */
  release(serial: number, caller: number): void {
    if (this.borrowed.get(serial) !== caller) return
    this.borrowed.delete(serial)
    this.idle.push(serial)
    this.settle()
  }

  /** Discarded, failed or ended by itself. */
  gone(serial: number): void {
    const was = this.borrowed.delete(serial) || this.idle.includes(serial)
    this.idle = this.idle.filter(each => each !== serial)
    if (was && this.slowCleanup) this.closing.push(serial)
    this.settle()
  }

  cleaned(): void {
    this.closing = []
    this.settle()
  }

  advance(ms: number): void {
    this.now += ms
    const late = this.waiting.filter(({ deadline }) => deadline <= this.now)
    for (const { caller } of late.sort((a, b) => a.deadline - b.deadline))
      this.leave(caller, 'EXO_POOL_EXHAUSTED')
  }

  /** Gives everything that is free to those who wait. */
  settle(): void {
    for (let serial = this.idle.at(-1); serial !== undefined; serial = this.idle.at(-1)) {
      const next = this.waiting[0]
      if (!next) break
      this.idle.pop()
      this.#forget(next.caller)
      this.borrowed.set(serial, next.caller)
      this.outcomes.set(next.caller, serial)
    }
    for (const caller of this.#unserved()) {
      const free = this.creating.find(creation => creation.caller === undefined)
      if (free) free.caller = caller
      else if (this.size < MAX) {
        this.serials += 1
        this.creating.push({ serial: this.serials, caller })
      } else break
    }
  }

  #unserved(): number[] {
    const served = new Set(this.creating.map(({ caller }) => caller))
    return this.waiting.map(({ caller }) => caller).filter(caller => !served.has(caller))
  }

  #forget(caller: number): void {
    this.waiting = this.waiting.filter(waiter => waiter.caller !== caller)
    for (const creation of this.creating) if (creation.caller === caller) creation.caller = undefined
  }
}

/** The real pool beside it. */
class World {
  readonly clock = new VirtualClock()
  readonly members = pooled()
  readonly borrowers: (Borrower & { readonly abort: AbortController })[] = []
  /** Every lease that ever was. */
  readonly leases: { readonly lease: Lease<Connection>; readonly serial: number; readonly caller: number }[] =
    []
  pool!: OwnedPool<Connection>

  async start(): Promise<this> {
    this.members.mode.initialize = 'wait'
    this.pool = await createPool(this.members.definition, {
      input: {},
      clock: this.clock,
      random: seededRandom(1),
      max: MAX,
      maxWaiters: MAX_WAITERS,
      idleTime: Number.POSITIVE_INFINITY,
      maxLifetime: Number.POSITIVE_INFINITY,
      drainTimeout: 1_000,
      timing: { startTimeout: Number.POSITIVE_INFINITY, shutdown: SHUTDOWN },
    })
    return this
  }

  life(serial: number) {
    return this.members.lives[serial - 1]
  }

  acquire(timeout: number): void {
    const abort = new AbortController()
    const borrower = borrow(this.pool, { timeout, signal: abort.signal })
    this.borrowers.push(Object.assign(borrower, { abort }))
    const caller = this.borrowers.length
    borrower.lease.then(
      lease => this.leases.push({ lease, serial: lease.client.serial, caller }),
      () => undefined,
    )
  }

  /** Ends all cleanups that are under way. */
  clean(): void {
    for (const life of this.members.lives) if (life.cleanups > 0) life.cleaned.resolve()
  }

  check(model: Model): void {
    const { creating, idle, borrowed, closing, waiting, size } = model
    expect(this.pool.statistics()).toMatchObject({
      members: size,
      creating: creating.length,
      idle: idle.length,
      borrowed: borrowed.size,
      closing: closing.length,
      waiting: waiting.length,
      validating: 0,
    })
    expect(size).toBeLessThanOrEqual(MAX)
    expect(this.members.lives.filter(({ isOpen }) => isOpen).length).toBe(size)
    const told = this.borrowers.map(({ outcome }) => outcome)
    expect(told).toEqual(this.borrowers.map((_, index) => model.outcomes.get(index + 1)))
    for (const { settled, outcome } of this.borrowers) expect(settled).toBe(outcome === undefined ? 0 : 1)
    // No lost wake-up: whoever waits does so because every place is taken.
    if (waiting.length > creating.length) expect(size).toBe(MAX)
    if (waiting.length > 0) expect(idle).toEqual([])
  }
}

type Step = (model: Model, world: World) => void | Promise<void>

/** A command of the script, from a name and the steps that it takes in the model and in the world. */
class Command implements fc.AsyncCommand<Model, World> {
  readonly #name: string
  readonly #step: Step

  constructor(name: string, step: Step) {
    this.#name = name
    this.#step = step
  }

  check(): boolean {
    return true
  }

  async run(model: Model, world: World): Promise<void> {
    await this.#step(model, world)
    await world.clock.settle()
    world.check(model)
  }

  toString(): string {
    return this.#name
  }
}

const pick = <Value>(values: readonly Value[], at: number): Value | undefined => values[at % values.length]
const index = fc.nat({ max: 20 })
const on = (name: string, step: (at: number) => Step) =>
  index.map(at => new Command(`${name}(${at})`, step(at)))

const commands: fc.Arbitrary<fc.AsyncCommand<Model, World>>[] = [
  ...[1, 2].map(() =>
    fc.constantFrom(5, 50, 1_000).map(
      timeout =>
        new Command(`acquire(${timeout})`, (model, world) => {
          model.acquire(timeout)
          world.acquire(timeout)
        }),
    ),
  ),
  ...[1, 2].map(() =>
    on('created', at => (model, world) => {
      const creation = pick(model.creating, at)
      if (!creation) return
      model.made(creation.serial)
      world.life(creation.serial)?.made.resolve()
    }),
  ),
  on('creation failed', at => (model, world) => {
    const creation = pick(model.creating, at)
    if (!creation) return
    model.failed(creation.serial)
    world.life(creation.serial)?.made.reject(new Error('refused'))
  }),
  on('release', at => (model, world) => {
    // Any lease that ever was, so that many of them are over already, and some members are with another caller.
    const given = pick(world.leases, at)
    if (!given) return
    model.release(given.serial, given.caller)
    given.lease.release()
  }),
  on('discard', at => (model, world) => {
    const given = pick(world.leases, at)
    if (!given) return
    if (model.borrowed.get(given.serial) === given.caller) model.gone(given.serial)
    given.lease.discard(new Error('broken'))
  }),
  on('member fails', at => (model, world) => {
    const serial = pick([...model.borrowed.keys(), ...model.idle], at)
    if (serial === undefined) return
    model.gone(serial)
    world.life(serial)?.self.fail(new Error('reset'))
  }),
  on('member ends', at => (model, world) => {
    const serial = pick([...model.borrowed.keys(), ...model.idle], at)
    if (serial === undefined) return
    model.gone(serial)
    world.life(serial)?.self.end()
  }),
  on('idle member degrades', at => (model, world) => {
    const serial = pick(model.idle, at)
    if (serial === undefined) return
    model.gone(serial)
    world.life(serial)?.self.degrade(new Error('slow'))
  }),
  on('cancel', at => (model, world) => {
    const caller = (at % Math.max(1, world.borrowers.length)) + 1
    model.leave(caller, 'EXO_ABORTED')
    world.borrowers[caller - 1]?.abort.abort()
  }),
  fc.constantFrom(1, 10, 100).map(
    ms =>
      new Command(`advance(${ms})`, async (model, world) => {
        // A cleanup that is not ended here would be left behind by the limit of closing, which is longer.
        model.cleaned()
        world.clean()
        await world.clock.settle()
        model.advance(ms)
        await world.clock.advance(ms)
      }),
  ),
  fc.boolean().map(
    slow =>
      new Command(`slow cleanup ${slow}`, (model, world) => {
        model.slowCleanup = slow
        world.members.mode.cleanup = slow ? 'wait' : 'at once'
      }),
  ),
  fc.constant(
    new Command('cleaned', (model, world) => {
      model.cleaned()
      world.clean()
    }),
  ),
]

describe('a pool, under any script of callers and faults', () => {
  it('does what plain lists do: never more than max, in turn, no wake-up lost, each caller told once; and leaves nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 60 }), async script => {
        const world = await new World().start()
        await fc.asyncModelRun(() => ({ model: new Model(), real: world }), script)
        world.members.mode.cleanup = 'at once'
        world.clean()
        const closing = world.pool.close()
        await world.clock.advance(1_000 + SHUTDOWN)
        await closing
        for (const { settled } of world.borrowers) expect(settled).toBe(1)
        for (const { isOpen, cleanups } of world.members.lives) {
          expect(isOpen).toBe(false)
          expect(cleanups).toBeLessThanOrEqual(1)
        }
        expect(world.pool.statistics()).toMatchObject({ members: 0, waiting: 0 })
        expect(world.clock.pending).toBe(0)
      }),
      { numRuns: 300 },
    )
  })
})
