import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Overflow } from '../../src/actors/mailbox-policy.ts'
import { type Deferred, deferred } from '../../src/concurrency/deferred.ts'
import { boxed, closed, paused, turn } from './boxed.ts'
import { type Mail, ReferenceMailbox } from './mailbox-reference.ts'

/** A real mailbox whose tasks run only when the test says so, and what came of everything that was sent to it. */
class World {
  readonly tasks: (() => void)[] = []
  readonly outcomes = new Map<number, string>()
  readonly gates = new Map<number, Deferred<void>>()
  readonly limits = new Map<number, AbortController>()
  readonly told: boolean[] = []
  readonly settlings: number[] = []
  readonly boxed
  sent = 0

  constructor(capacity: number, overflow: Overflow) {
    this.boxed = boxed<Mail>({
      policy: { capacity, overflow },
      scheduler: { post: task => void this.tasks.push(task) },
      receive: ({ id, isHeld }) => {
        if (!isHeld) return undefined
        const gate = deferred<void>()
        this.gates.set(id, gate)
        return gate.promise
      },
    })
  }

  post(mail: Mail): void {
    const { box } = this.boxed
    if (mail.by === 'tell') {
      box.tell(mail)
      return
    }
    const controller = new AbortController()
    this.limits.set(mail.id, controller)
    const note = (outcome: string): void => {
      this.settlings.push(mail.id)
      this.outcomes.set(mail.id, outcome)
    }
    const sending = mail.by === 'ask' ? box.ask(mail, controller) : box.send(mail, controller)
    sending.then(
      () => note(mail.by === 'ask' ? 'answered' : 'entered'),
      (error: { code: string }) => note(error.code),
    )
  }

  run(): void {
    for (let task = this.tasks.shift(); task; task = this.tasks.shift()) task()
  }
}

type Step = (reference: ReferenceMailbox, world: World) => void

class Command implements fc.AsyncCommand<ReferenceMailbox, World> {
  readonly #name: string
  readonly #step: Step

  constructor(name: string, step: Step) {
    this.#name = name
    this.#step = step
  }

  check = () => true

  async run(reference: ReferenceMailbox, world: World): Promise<void> {
    this.#step(reference, world)
    await turn()
    const { box, handled, dead, clock } = world.boxed
    expect({
      size: box.size,
      handled: handled.map(({ id }) => id),
      dead: dead.map(({ message, reason }) => [(message as Mail).id, reason]),
      deadLetters: box.deadLetters,
      lateAnswers: box.lateAnswers,
      outcomes: [...world.outcomes].sort(([a], [b]) => a - b),
      settledTwice: world.settlings.length - world.outcomes.size,
    }).toEqual({
      size: reference.queue.length,
      handled: reference.handled,
      dead: reference.dead,
      deadLetters: reference.dead.length,
      lateAnswers: reference.lateAnswers,
      outcomes: [...reference.outcomes].sort(([a], [b]) => a - b),
      settledTwice: 0,
    })
    const asks = [...world.limits.keys()].filter(id => !world.outcomes.has(id))
    expect(clock.pending).toBeLessThanOrEqual(asks.length)
  }

  toString(): string {
    return this.#name
  }
}

const simple = (name: string, step: Step) => fc.constant(new Command(name, step))

const commands = [
  fc
    .record({
      by: fc.constantFrom('tell', 'send', 'ask'),
      isHeld: fc.boolean(),
      times: fc.integer({ min: 1, max: 20 }),
    })
    .map(
      ({ by, isHeld, times }) =>
        new Command(`${times} x ${by}${isHeld ? ' (held)' : ''}`, (reference, world) => {
          for (let time = 0; time < times; time += 1) {
            world.sent += 1
            const mail: Mail = { id: world.sent, by: by as Mail['by'], isHeld }
            reference.post(mail)
            world.post(mail)
          }
        }),
    ),
  fc.nat(40).map(
    nth =>
      new Command(`give up ${nth}`, (reference, world) => {
        const waiting = [...world.limits.keys()].filter(each => !reference.outcomes.has(each))
        const id = waiting[nth % waiting.length]
        if (id === undefined) return
        reference.giveUp(id)
        world.limits.get(id)?.abort()
      }),
  ),
  fc.nat(3).map(
    nth =>
      new Command(`let go ${nth}`, (reference, world) => {
        const id = [...world.gates.keys()].at(-nth) ?? 0
        reference.letGo(id)
        world.gates.get(id)?.resolve()
        world.gates.delete(id)
      }),
  ),
  simple('run', (reference, world) => {
    reference.run()
    world.run()
  }),
  simple('open', (reference, { boxed: { box } }) => {
    reference.isClosed = false
    reference.isOpen = true
    box.open()
  }),
  simple('pause', (reference, { boxed: { box } }) => {
    reference.pause()
    box.pause(() => paused)
  }),
  simple('close', (reference, { boxed: { box } }) => {
    reference.close()
    box.close(closed)
  }),
  simple('reopen', (reference, { boxed: { box } }) => {
    reference.isClosed = false
    box.reopen()
  }),
  simple('suspend', (reference, { boxed: { box } }) => {
    reference.isSuspended = true
    box.suspend()
  }),
  simple('resume', (reference, { boxed: { box } }) => {
    reference.isSuspended = false
    box.resume()
  }),
]

describe('a mailbox', () => {
  it('does what a plain list would do, whatever is done to it in whatever order and with each overflow policy', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom<Overflow>('reject', 'drop-oldest', 'backpressure'),
        fc.commands(commands, { maxCommands: 60, size: 'max' }),
        async (capacity, overflow, steps) => {
          await fc.asyncModelRun(
            () => ({ model: new ReferenceMailbox(capacity, overflow), real: new World(capacity, overflow) }),
            steps,
          )
        },
      ),
      { numRuns: 300 },
    )
  })
})
