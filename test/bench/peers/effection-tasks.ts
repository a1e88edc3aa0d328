import { action, call, createQueue, type Operation, run, spawn, suspend, type Task } from 'effection'
import { CAPACITY, type Subject } from '../concurrency-measures.ts'

function* two(): Operation<number> {
  const one = yield* spawn(() => call(() => 1))
  const other = yield* spawn(() => call(() => 2))
  return (yield* one) + (yield* other)
}

function* together(tasks: number, work: () => Operation<void>): Operation<Task<void>[]> {
  const spawned: Task<void>[] = []
  for (let task = 0; task < tasks; task += 1) spawned.push(yield* spawn(work))
  return spawned
}

function* joinAll(tasks: readonly Task<void>[]): Operation<void> {
  for (const task of tasks) yield* task
}

const giveWay = (): Operation<void> =>
  action<void>(resolve => {
    queueMicrotask(() => resolve())
    return () => undefined
  })

/** So many tokens; who takes one waits until there is one. */
class Tokens {
  readonly #tokens = createQueue<true, never>()

  constructor(count: number) {
    for (let token = 0; token < count; token += 1) this.#tokens.add(true)
  }

  *take(): Operation<void> {
    yield* this.#tokens.next()
  }

  giveBack(): void {
    this.#tokens.add(true)
  }
}

function* locked(lock: Tokens, work: () => Operation<void>): Operation<void> {
  yield* lock.take()
  try {
    yield* work()
  } finally {
    lock.giveBack()
  }
}

const none = function* (): Operation<void> {}

/**
 * Effection: two `spawn` in a task, and `yield*` of both, each time by a `run` of its own, or all within one task. It has neither a bounded
 * channel nor a lock, so both are made of its queue: one of tokens, and one of items. `halt` of a task with tasks below it that are
 * suspended, which waits for all.
 */
export const effection: Subject = {
  name: 'effection',
  async twoChildren(times) {
    for (let time = 0; time < times; time += 1) await run(two)
  },
  async twoChildrenInside(times) {
    await run(function* () {
      for (let time = 0; time < times; time += 1) {
        // In a task of its own, as everywhere else: children would stay with the one around them otherwise.
        yield* yield* spawn(two)
      }
    })
  },
  channel: async (items, senders, receivers) =>
    run(function* () {
      const places = new Tokens(CAPACITY)
      const queue = createQueue<number, never>()
      let next = 0
      let sum = 0
      const receiving = yield* together(receivers, function* () {
        for (;;) {
          const { value } = yield* queue.next()
          if (value < 0) return
          sum += value
          places.giveBack()
        }
      })
      const sending = yield* together(senders, function* () {
        while (next < items) {
          const item = next++
          yield* places.take()
          queue.add(item)
        }
      })
      yield* joinAll(sending)
      for (let one = 0; one < receivers; one += 1) queue.add(-1)
      yield* joinAll(receiving)
      return sum
    }),
  freeLock: async times =>
    run(function* () {
      const lock = new Tokens(1)
      for (let time = 0; time < times; time += 1) yield* locked(lock, none)
    }),
  wantedLock: async (times, tasks) =>
    run(function* () {
      const lock = new Tokens(1)
      yield* joinAll(
        yield* together(tasks, function* () {
          for (let time = 0; time < times / tasks; time += 1) yield* locked(lock, giveWay)
        }),
      )
    }),
  async tree(branches, leaves) {
    let left = branches * leaves
    let root: Task<void> | undefined
    await new Promise<void>(ready => {
      root = run(function* () {
        void (yield* together(branches, function* () {
          void (yield* together(leaves, function* () {
            left -= 1
            if (left === 0) ready()
            yield* suspend()
          }))
          yield* suspend()
        }))
        yield* suspend()
      })
    })
    return { cancel: async () => root?.halt() }
  },
}
