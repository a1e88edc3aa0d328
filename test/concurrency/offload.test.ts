import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { CapacityLimiter, withToken } from '../../src/concurrency/capacity-limiter.ts'
import { Event } from '../../src/concurrency/event.ts'
import { withTaskGroup } from '../../src/concurrency/task-group.ts'
import { withCancelScope } from '../../src/concurrency/with-scope.ts'

/** A thread that answers when it is told to, and says so in memory that both share. */
function thread() {
  const ended = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
     parentPort.once('message', () => { Atomics.store(workerData, 0, 1); parentPort.postMessage('computed') })`,
    { eval: true, workerData: ended },
  )
  return {
    answer: once(worker, 'message').then(([text]) => text as string),
    finish: () => worker.postMessage('go on'),
    hasEnded: () => Atomics.load(ended, 0) === 1,
    gone: once(worker, 'exit'),
  }
}

describe('Thread offload', () => {
  it('is limited: as many threads as the limiter has tokens, the others wait in order', async () => {
    const limiter = new CapacityLimiter(2)
    const begun: number[] = []
    const threads = [thread(), thread(), thread()]
    const twoRun = new Event()
    await withTaskGroup(async group => {
      for (const [index, { answer }] of threads.entries())
        group.spawn(scope =>
          withToken(
            limiter,
            () => {
              begun.push(index)
              if (begun.length === 2) twoRun.set()
              return answer
            },
            scope,
          ),
        )
      await twoRun.wait(group.scope)
      expect(limiter.statistics.waiting).toBe(1)
      expect(begun).toEqual([0, 1])
      for (const { finish } of threads) finish()
    })
    expect(begun).toEqual([0, 1, 2])
    await Promise.all(threads.map(({ gone }) => gone))
  })

  it('is not abandoned on cancel: run stays until the thread has answered', async () => {
    const { answer, finish, hasEnded, gone } = thread()
    let seenAtEnd: boolean | undefined
    await withCancelScope(async scope => {
      try {
        await scope.run(() => {
          scope.cancel('not wanted any more')
          finish()
          return answer
        })
        scope.checkpoint()
      } finally {
        seenAtEnd = hasEnded()
      }
    })
    expect(seenAtEnd).toBe(true)
    await gone
  })

  it('is abandoned when asked: wait goes on at once, and what the thread answers later is dropped', async () => {
    const { answer, finish, hasEnded, gone } = thread()
    const waited = await withCancelScope(scope => {
      scope.cancel('not wanted any more')
      return scope.wait(answer)
    })
    expect(waited).toBeUndefined()
    expect(hasEnded()).toBe(false)
    finish()
    await gone
  })
})
