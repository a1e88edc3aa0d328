import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import * as Queue from 'effect/Queue'
import * as Semaphore from 'effect/Semaphore'
import { CAPACITY, type Subject } from '../concurrency-measures.ts'

const two = Effect.gen(function* () {
  const one = yield* Effect.forkChild(Effect.sync(() => 1))
  const other = yield* Effect.forkChild(Effect.sync(() => 2))
  return (yield* Fiber.join(one)) + (yield* Fiber.join(other))
})

const repeated = <E>(times: number, work: Effect.Effect<unknown, E>) =>
  Effect.gen(function* () {
    for (let time = 0; time < times; time += 1) yield* work
  })

const together = (fibers: number, work: Effect.Effect<unknown>) =>
  Effect.gen(function* () {
    const forked: Fiber.Fiber<unknown>[] = []
    for (let fiber = 0; fiber < fibers; fiber += 1) forked.push(yield* Effect.forkChild(work))
    return forked
  })

const joinAll = (forked: readonly Fiber.Fiber<unknown>[]) =>
  Effect.gen(function* () {
    for (const fiber of forked) yield* Fiber.join(fiber)
  })

/**
 * Effect: two `forkChild` and two `Fiber.join`, each time by a `runPromise` of its own, or all within one fiber; `Queue.bounded`;
 * `Semaphore.make(1)` with `withPermit`; fibers that run `Effect.never` below fibers, and `Fiber.interrupt` of the root, which waits for all.
 */
export const effect: Subject = {
  name: 'effect',
  async twoChildren(times) {
    for (let time = 0; time < times; time += 1) await Effect.runPromise(two)
  },
  twoChildrenInside: times => Effect.runPromise(repeated(times, two)),
  channel: (items, senders, receivers) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const queue = yield* Queue.bounded<number>(CAPACITY)
        let next = 0
        let sum = 0
        const send = Effect.gen(function* () {
          while (next < items) yield* Queue.offer(queue, next++)
        })
        const receive = Effect.gen(function* () {
          for (let item = yield* Queue.take(queue); item >= 0; item = yield* Queue.take(queue)) sum += item
        })
        const receiving = yield* together(receivers, receive)
        yield* joinAll(yield* together(senders, send))
        for (let one = 0; one < receivers; one += 1) yield* Queue.offer(queue, -1)
        yield* joinAll(receiving)
        return sum
      }),
    ),
  freeLock: times =>
    Effect.runPromise(
      Effect.gen(function* () {
        const lock = yield* Semaphore.make(1)
        yield* repeated(times, lock.withPermit(Effect.void))
      }),
    ),
  wantedLock: (times, tasks) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const lock = yield* Semaphore.make(1)
        yield* joinAll(yield* together(tasks, repeated(times / tasks, lock.withPermit(Effect.yieldNow))))
      }),
    ),
  async tree(branches, leaves) {
    let left = branches * leaves
    const root = await new Promise<Fiber.Fiber<unknown>>(ready => {
      const leaf = Effect.suspend(() => {
        left -= 1
        if (left === 0) ready(fiber)
        return Effect.never
      })
      const branch = Effect.andThen(together(leaves, leaf), Effect.never)
      const fiber: Fiber.Fiber<unknown> = Effect.runFork(
        Effect.andThen(together(branches, branch), Effect.never),
      )
    })
    return { cancel: () => Effect.runPromise(Fiber.interrupt(root)) }
  },
}
