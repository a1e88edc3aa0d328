import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type OpenTaskGroup, openTaskGroup } from '../../src/concurrency/open-task-group.ts'
import { CancelScope } from '../../src/concurrency/scope.ts'
import type { Task } from '../../src/concurrency/task.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { track } from './tracked.ts'

let clock: VirtualClock
let root: CancelScope

beforeEach(() => {
  clock = new VirtualClock()
  root = new CancelScope({ clock })
})

afterEach(() => {
  root.close()
  expect(clock.pending, 'timers left').toBe(0)
})

const broken = (scope: CancelScope) =>
  scope.sleep(1).then(() => {
    throw new Error('broken')
  })

describe('a task group of `await using`', () => {
  it('waits for its tasks when its block ends with join', async () => {
    let kept: OpenTaskGroup | undefined
    const running = track(
      (async () => {
        await using group = openTaskGroup({ scope: root })
        const task = group.spawn(scope => scope.sleep(5).then(() => 'done'))
        kept = group
        await group.join()
        return task.result
      })(),
    )
    await clock.advance(5)
    expect(running.value).toBe('done')
    expect(kept!.scope.cancelCalled).toBe(false)
  })

  it('cancels them when its block ends without, and waits until they have settled', async () => {
    let task: Task | undefined
    const running = track(
      (async () => {
        await using group = openTaskGroup({ scope: root })
        task = group.spawn(async scope => {
          await scope.forever().catch(() => undefined)
          await root.sleep(5)
          scope.checkpoint()
        })
        return 'block'
      })(),
    )
    await clock.advance(4)
    expect(running.state).toBe('pending')
    await clock.advance(1)
    expect(running.value).toBe('block')
    expect(task!.status).toBe('cancelled')
    expect(task!.scope.reason).toBe('its block ended without join')
  })

  it('cancels them when its block throws, and lets its error pass', async () => {
    let task: Task | undefined
    const running = track(
      (async () => {
        await using group = openTaskGroup({ scope: root })
        task = group.spawn(scope => scope.forever())
        throw new Error('block')
      })(),
    )
    await clock.settle()
    expect(running.error).toEqual(new Error('block'))
    expect(task!.status).toBe('cancelled')
  })

  it('throws the failures of its tasks at the end of its block', async () => {
    const running = track(
      (async () => {
        await using group = openTaskGroup({ scope: root })
        group.spawn(broken)
        await group.scope.forever().catch(() => undefined)
      })(),
    )
    await clock.advance(1)
    expect(running.error).toMatchObject({ code: 'EXO_TASKS_FAILED', errors: [new Error('broken')] })
  })

  it('throws them by join, and not once more at the end of its block', async () => {
    let joined: unknown
    const running = track(
      (async () => {
        await using group = openTaskGroup({ scope: root })
        group.spawn(broken)
        joined = await group.join().catch(error => error)
        expect(await group.join().catch(error => error)).toBe(joined)
      })(),
    )
    await clock.advance(1)
    expect(joined).toMatchObject({ errors: [new Error('broken')] })
    expect(running.state).toBe('fulfilled')
  })

  it('makes a SuppressedError of a failure that comes on top of that of its block', async () => {
    const running = track(
      (async () => {
        await using group = openTaskGroup({ scope: root })
        group.spawn(broken)
        await root.sleep(2)
        throw new Error('block')
      })(),
    )
    await clock.advance(2)
    expect(running.error).toMatchObject({
      name: 'SuppressedError',
      error: { errors: [new Error('broken')] },
      suppressed: new Error('block'),
    })
  })

  it('throws by join what has cancelled it from outside, and nothing of the kind at the end of its block', async () => {
    const ends = [true, false].map(join =>
      track(
        (async () => {
          await using group = openTaskGroup({ scope: root })
          group.spawn(scope => scope.forever())
          if (join) await group.join()
          else await root.sleep(10).catch(() => undefined)
          return 'block'
        })(),
      ),
    )
    await clock.settle()
    root.cancel('outer')
    await clock.settle()
    expect(ends[0]!.error).toBe(root.cancelled())
    expect(ends[1]!.value).toBe('block')
  })

  it('takes no more tasks after join', async () => {
    await using group = openTaskGroup({ scope: root })
    await group.join()
    expect(() => group.spawn(() => 1)).toThrow(expect.objectContaining({ code: 'EXO_RESOURCE_CLOSED' }))
  })

  it('needs no options', async () => {
    await using group = openTaskGroup()
    const task = group.spawn(() => 1)
    await group.join()
    expect(await task.result).toBe(1)
  })
})
