import { CAPACITY, type Subject } from '../concurrency-measures.ts'

async function twoChildren(times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) await Promise.all([(async () => 1)(), (async () => 2)()])
}

/** The least that bounds a buffer: nobody can be cancelled, and nobody closes anything. */
class Buffer {
  readonly #items: number[] = []
  readonly #sends: (() => void)[] = []
  readonly #receives: ((item: number) => void)[] = []

  async send(item: number): Promise<void> {
    const receive = this.#receives.shift()
    if (receive) return receive(item)
    if (this.#items.length >= CAPACITY) await new Promise<void>(resolve => this.#sends.push(resolve))
    this.#items.push(item)
  }

  async receive(): Promise<number> {
    const item = this.#items.shift()
    if (item === undefined) return new Promise(resolve => this.#receives.push(resolve))
    this.#sends.shift()?.()
    return item
  }
}

/** Mutual exclusion as it is mostly written: each one waits for the one before. */
class Chain {
  #last: Promise<void> = Promise.resolve()

  run(work: () => Promise<void> | void): Promise<void> {
    this.#last = this.#last.then(work)
    return this.#last
  }
}

const waiting = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

/** Async functions, `Promise.all` and one AbortSignal: no owner, no joining after a failure, no wait that can be cancelled but the tree's. */
export const rawPromises: Subject = {
  name: 'promises',
  twoChildren,
  twoChildrenInside: twoChildren,
  async channel(items, senders, receivers) {
    const buffer = new Buffer()
    let next = 0
    let sum = 0
    const send = async (): Promise<void> => {
      while (next < items) await buffer.send(next++)
    }
    const receive = async (): Promise<void> => {
      for (let item = await buffer.receive(); item >= 0; item = await buffer.receive()) sum += item
    }
    const receiving = Array.from({ length: receivers }, receive)
    await Promise.all(Array.from({ length: senders }, send))
    for (let one = 0; one < receivers; one += 1) await buffer.send(-1)
    await Promise.all(receiving)
    return sum
  },
  async freeLock(times) {
    const lock = new Chain()
    for (let time = 0; time < times; time += 1) await lock.run(() => undefined)
  },
  async wantedLock(times, tasks) {
    const lock = new Chain()
    await Promise.all(
      Array.from({ length: tasks }, async () => {
        for (let time = 0; time < times / tasks; time += 1) await lock.run(() => Promise.resolve())
      }),
    )
  },
  async tree(branches, leaves) {
    const controller = new AbortController()
    const joined = Promise.allSettled(
      Array.from({ length: branches }, () =>
        Promise.allSettled(Array.from({ length: leaves }, () => waiting(controller.signal))),
      ),
    )
    return {
      cancel: async () => {
        controller.abort()
        await joined
      },
    }
  },
}
