import { describe, expect, it } from 'vitest'
import type { Mailbox } from '../../src/actors/mailbox.ts'
import { deferred } from '../../src/concurrency/deferred.ts'
import { TurnScheduler } from '../../src/concurrency/scheduler.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { boxed, closed, paused, turn } from './boxed.ts'

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

describe('delivery', () => {
  it('never runs the receiver in the stack of the sender', async () => {
    const { box, handled, clock } = boxed()
    box.open()
    box.tell('x')
    expect(handled).toEqual([])
    await clock.settle()
    expect(handled).toEqual(['x'])
  })

  it('does not nest: a message is forwarded through a hundred thousand actors', async () => {
    const clock = new VirtualClock()
    const scheduler = new TurnScheduler(clock)
    const chain: Mailbox<number>[] = []
    let arrived = 0
    for (const index of numbers(100_000)) {
      const receive = (message: number): void => {
        const next = chain[index + 1]
        if (next) next.tell(message + 1)
        else arrived = message
      }
      const { box } = boxed<number>({ clock, scheduler, receive })
      box.open()
      chain.push(box)
    }
    chain[0]?.tell(1)
    await clock.settle()
    expect(arrived).toBe(100_000)
  })

  it('hands out sixteen messages of one actor in a row at most, then it is the turn of the next', async () => {
    const clock = new VirtualClock()
    const scheduler = new TurnScheduler(clock)
    const order: string[] = []
    const boxes = ['a', 'b'].map(name => {
      const { box } = boxed({ clock, scheduler, receive: () => order.push(name) })
      box.open()
      return box
    })
    for (const box of boxes) for (const number of numbers(40)) box.tell(number)
    await clock.settle()
    const rows = order.join('').match(/a+|b+/g) ?? []
    expect(rows.map(row => row.length)).toEqual([16, 16, 16, 16, 8, 8])
  })

  it('counts each message of a row for the turn of the event loop', async () => {
    const { box, handled } = boxed({ scheduler: new TurnScheduler(new VirtualClock(), { tasks: 32 }) })
    box.open()
    for (const number of numbers(200)) box.tell(number)
    await turn()
    expect(handled).toHaveLength(32)
  })

  it.each([
    ['at once', (): unknown => undefined],
    ['after a promise', (): unknown => Promise.resolve()],
  ])('lets the event loop turn while two actors play ping-pong for ever, handling %s', async (_, work) => {
    const clock = new VirtualClock()
    const scheduler = new TurnScheduler(clock, { tasks: 100 })
    let strokes = 0
    let isOver = false
    const players: Mailbox<string>[] = [0, 1].map(side => {
      const receive = (): unknown => {
        strokes += 1
        if (!isOver) players[1 - side]?.tell('ball')
        return work()
      }
      return boxed<string>({ clock, scheduler, receive }).box
    })
    for (const player of players) player.open()
    players[0]?.tell('ball')
    const seen: number[] = []
    for (const _turn of numbers(3)) {
      await turn()
      seen.push(strokes)
    }
    isOver = true
    await clock.settle()
    expect(seen).toEqual([100, 200, 300])
  })

  it('is one at a time: the next message waits for the promise of the one before', async () => {
    const gates = [deferred<void>(), deferred<void>()]
    const { box, handled, clock } = boxed<number>({ receive: message => gates[message]?.promise })
    box.open()
    box.tell(0)
    box.tell(1)
    await clock.settle()
    expect(handled).toEqual([0])
    gates[0]?.resolve()
    await clock.settle()
    expect(handled).toEqual([0, 1])
  })

  it('goes on after a result whose then throws, and one that cannot be looked at', async () => {
    const bad = [
      Object.defineProperty({}, 'then', {
        get: () => {
          throw new Error('unreadable')
        },
      }),
      Object.fromEntries([
        [
          'then',
          () => {
            throw new Error('no promise')
          },
        ],
      ]),
    ]
    const { box, clock, faults } = boxed<number>({ receive: message => bad[message] })
    box.open()
    box.tell(0)
    await expect(Promise.all([box.ask(1), clock.settle()])).rejects.toThrow('no promise')
    expect(await box.ask(2)).toBeUndefined()
    expect(faults).toMatchObject([{ error: { message: 'unreadable' }, isLate: false }])
  })

  it('makes no abort controller for a handler that does not look at its signal', async () => {
    const real = globalThis.AbortController
    let made = 0
    globalThis.AbortController = class extends real {
      constructor() {
        super()
        made += 1
      }
    }
    try {
      const { box, clock } = boxed<boolean>({ receive: (looks, work) => (looks ? work.signal : undefined) })
      box.open()
      for (const _ of numbers(10)) box.tell(false)
      await Promise.all([box.ask(false), clock.settle()])
      expect(made).toBe(0)
      box.tell(true)
      box.tell(true)
      await clock.settle()
      expect(made).toBe(1)
    } finally {
      globalThis.AbortController = real
    }
  })

  it('aborts the signal of a told message when the mailbox pauses, also for a handler that looks only then', async () => {
    const signals: AbortSignal[] = []
    const gate = deferred<void>()
    const { box, clock } = boxed<number>({
      receive: async (message, work) => {
        if (message === 0) signals.push(work.signal)
        else await gate.promise
        signals.push(work.signal)
      },
    })
    box.open()
    box.tell(0)
    box.tell(1)
    await clock.settle()
    box.pause(() => paused)
    gate.resolve()
    await clock.settle()
    expect(signals.map(({ aborted, reason }) => [aborted, reason])).toEqual(
      Array.from({ length: 3 }, () => [true, paused]),
    )
    box.open()
    box.tell(0)
    await clock.settle()
    expect(signals[3]?.aborted).toBe(false)
  })
})

describe('the signal of an asked message', () => {
  it.each([
    ['the asker gives up', 'EXO_ABORTED'],
    ['the asker’s time is over', 'EXO_ASK_TIMEOUT'],
    ['the mailbox pauses', 'EXO_RESOURCE_FAILED'],
  ])('is aborted when %s, with the error that the asker gets', async (_, code) => {
    const controller = new AbortController()
    let signal: AbortSignal | undefined
    const { box, clock } = boxed({
      receive: (__, work) => {
        signal = work.signal
        return new Promise(() => undefined)
      },
    })
    box.open()
    const asked = box.ask('x', { signal: controller.signal }).catch((error: unknown) => error)
    await clock.settle()
    expect(signal?.aborted).toBe(false)
    if (code === 'EXO_ABORTED') controller.abort()
    if (code === 'EXO_ASK_TIMEOUT') await clock.advance(5_000)
    if (code === 'EXO_RESOURCE_FAILED') box.pause(() => paused)
    expect(await asked).toMatchObject({ code })
    expect(signal?.reason).toBe(await asked)
  })
})

describe('a suspended mailbox', () => {
  it('delivers nothing until it is resumed, also when it is opened', async () => {
    const { box, handled, clock } = boxed()
    box.open()
    box.tell(1)
    box.suspend()
    box.tell(2)
    await clock.settle()
    box.pause(() => paused)
    box.open()
    await clock.settle()
    expect(handled).toEqual([])
    box.resume()
    await clock.settle()
    expect(handled).toEqual([1, 2])
  })

  it('finishes the message in hand', async () => {
    const gate = deferred<string>()
    const { box, handled, clock } = boxed<number>({ receive: () => gate.promise })
    box.open()
    const asked = box.ask(1)
    box.tell(2)
    await clock.settle()
    box.suspend()
    gate.resolve('done')
    expect(await asked).toBe('done')
    await clock.settle()
    expect(handled).toEqual([1])
  })

  it('lets an ask time out, and can be closed', async () => {
    const { box, clock, dead } = boxed()
    box.open()
    box.suspend()
    const asked = box.ask('a', { timeout: 10 }).catch((error: unknown) => error)
    await clock.advance(10)
    expect(await asked).toMatchObject({ code: 'EXO_ASK_TIMEOUT' })
    box.tell('b')
    box.close(closed)
    expect(dead).toMatchObject([{ message: 'b', reason: 'closed' }])
  })
})

describe('a message whose incarnation ends', () => {
  it('is never delivered again, told or asked, and those behind it keep their order', async () => {
    const { box, handled, clock } = boxed<number>({
      receive: message => (message < 2 ? new Promise(() => undefined) : undefined),
    })
    box.open()
    const first = box.ask(0).catch((error: unknown) => error)
    for (const message of [1, 2, 3]) box.tell(message)
    await clock.settle()
    box.pause(() => paused)
    expect(await first).toBe(paused)
    box.open()
    await clock.settle()
    box.pause(() => paused)
    box.tell(4)
    box.open()
    await clock.settle()
    expect(handled).toEqual([0, 1, 2, 3, 4])
  })

  it('is answered too late: the answer is dropped and counted, and disturbs no successor', async () => {
    const gates = [deferred<string>(), deferred<string>()]
    const { box, clock } = boxed<number>({ receive: message => gates[message]?.promise })
    box.open()
    const first = box.ask(0).catch((error: unknown) => error)
    await clock.settle()
    box.pause(() => paused)
    box.open()
    const second = box.ask(1)
    await clock.settle()
    gates[0]?.resolve('late')
    await clock.settle()
    expect(box.lateAnswers).toBe(1)
    gates[1]?.resolve('in time')
    expect([await first, await second]).toEqual([paused, 'in time'])
    expect(box.lateAnswers).toBe(1)
  })

  it('fails too late: the fault is not held against the successor', async () => {
    const gate = deferred<void>()
    const { box, clock, faults } = boxed({ receive: () => gate.promise })
    box.open()
    box.tell('x')
    await clock.settle()
    box.pause(() => paused)
    box.open()
    gate.reject(new Error('late'))
    await clock.settle()
    expect(faults).toMatchObject([{ error: { message: 'late' }, isLate: true }])
    expect(box.lateAnswers).toBe(0)
  })

  it('is settled at once also when the handler itself pauses the mailbox and then returns', async () => {
    const { box, clock } = boxed<number>({
      receive: () => {
        box.pause(() => paused)
        return 'answer'
      },
    })
    box.open()
    await expect(box.ask(1)).rejects.toBe(paused)
    await clock.settle()
    expect(box.lateAnswers).toBe(1)
  })
})

describe('a dead letter', () => {
  it('that its listener causes in turn is counted but not announced, so that it ends', () => {
    const { box, dead, echoes } = boxed<string>({ policy: 1, onDeadLetter: () => void box.tell('about it') })
    box.tell('1')
    box.tell('2')
    expect(dead).toMatchObject([{ message: '2', count: 1 }])
    expect(echoes).toMatchObject([{ message: 'about it', count: 2 }])
    box.tell('3')
    expect(box.deadLetters).toBe(4)
  })
})
