import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isCancellation } from '../../src/concurrency/cancellation.ts'
import { TaskGroupError } from '../../src/concurrency/group-errors.ts'
import { CancelScope, type ScopeOptions } from '../../src/concurrency/scope.ts'
import type { Task } from '../../src/concurrency/task.ts'
import { type TaskGroup, withTaskGroup } from '../../src/concurrency/task-group.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { outcome, track } from './tracked.ts'

let clock: VirtualClock
let root: CancelScope
let unhandled: unknown[]
const note = (error: unknown) => void unhandled.push(error)

beforeEach(() => {
  clock = new VirtualClock()
  root = new CancelScope({ clock, name: 'the root' })
  unhandled = []
  process.on('unhandledRejection', note)
})

afterEach(async () => {
  await clock.settle()
  process.off('unhandledRejection', note)
  root.close()
  expect(clock.pending, 'timers left').toBe(0)
  expect(unhandled).toEqual([])
})

const group = <T>(body: (group: TaskGroup) => T | Promise<T>, options: ScopeOptions = {}) =>
  track(withTaskGroup(body, { scope: root, ...options }))

const failing = (ms: number, text: string) => async (scope: CancelScope) => {
  await scope.sleep(ms)
  throw new Error(text)
}

describe('a task group', () => {
  it('(a) is left only when every child has settled', async () => {
    const ended: string[] = []
    const running = group(async group => {
      group.spawn(scope => scope.sleep(20).then(() => ended.push('slow')))
      group.spawn(scope => scope.sleep(10).then(() => ended.push('fast')))
      ended.push('body')
      return 'value'
    })
    await clock.advance(19)
    expect(running.state).toBe('pending')
    await clock.advance(1)
    expect(ended).toEqual(['body', 'fast', 'slow'])
    expect(running.value).toBe('value')
  })

  it('(a) waits also for a child that pays no heed to being cancelled', async () => {
    const running = group(group => {
      group.spawn(() => root.sleep(50))
      group.spawn(failing(1, 'early'))
    })
    await clock.advance(49)
    expect(running.state).toBe('pending')
    await clock.advance(1)
    expect(running.error).toBeInstanceOf(TaskGroupError)
  })

  it('(a) without children gives the result of its body', async () => {
    const running = group(() => 3)
    await clock.settle()
    expect(running.value).toBe(3)
  })

  it('(b) cancels siblings and the body at the first failure, which is the reason', async () => {
    const reasons: unknown[] = []
    const waiting = (scope: CancelScope) =>
      scope.forever().catch(error => {
        reasons.push((error as Error).cause)
        throw error
      })
    const running = group(group => {
      group.spawn(waiting)
      group.spawn(failing(5, 'first'))
      return waiting(group.scope)
    })
    await clock.advance(5)
    expect(reasons).toEqual([new Error('first'), new Error('first')])
    expect(running.error).toMatchObject({ errors: [new Error('first')] })
  })

  it('(b) cancels the children when the body fails', async () => {
    let task: Task | undefined
    const running = group(async group => {
      task = group.spawn(scope => scope.forever())
      throw new Error('body')
    })
    await clock.settle()
    expect(task!.status).toBe('cancelled')
    expect(running.error).toMatchObject({ errors: [new Error('body')] })
  })

  it('(c) throws all real failures together, in the order in which they came', async () => {
    const running = group(
      async group => {
        group.spawn(async scope => {
          await scope.forever().catch(() => undefined)
          throw new Error('third')
        })
        group.spawn(failing(5, 'first'))
        try {
          await group.scope.forever()
        } catch {
          throw new Error('second')
        }
      },
      { name: 'the transfer' },
    )
    await clock.advance(5)
    expect(running.error).toBeInstanceOf(TaskGroupError)
    const error = running.error as TaskGroupError
    expect(error.code).toBe('EXO_TASKS_FAILED')
    expect(error.errors.map(one => one.message).sort()).toEqual(['first', 'second', 'third'])
    expect(error.errors[0].message).toBe('first')
    expect(error.cause).toBe(error.errors[0])
    expect(error.message).toBe('3 tasks of the transfer failed: first')
  })

  it('(c) throws a group also when there is one failure only', async () => {
    const running = group(group => void group.spawn(failing(0, 'alone')))
    await clock.advance(0)
    expect(running.error).toMatchObject({
      name: 'TaskGroupError',
      errors: [new Error('alone')],
      message: 'a task of the task group failed: alone',
    })
  })

  it('(c) reports a failure once, though the body that waited for the task throws it again', async () => {
    const running = group(group => group.spawn(failing(1, 'once')).result)
    await clock.advance(1)
    expect(running.error).toMatchObject({ errors: [new Error('once')] })
  })

  it('(c) keeps the failures of a group within it as a group', async () => {
    const running = group(group => {
      group.spawn(scope => withTaskGroup(inner => void inner.spawn(failing(1, 'deep')), { scope }))
    })
    await clock.advance(1)
    expect(running.error).toMatchObject({ errors: [{ name: 'TaskGroupError', errors: [new Error('deep')] }] })
  })

  it('(c) takes a cancellation for no failure: neither its own nor a task’s', async () => {
    const running = group(async group => {
      const one = group.spawn(scope => scope.forever())
      group.spawn(scope => scope.sleep(5))
      await group.scope.sleep(1)
      one.cancel('not needed')
      await group.scope.sleep(2)
      return one.status
    })
    await clock.advance(5)
    expect(running).toEqual({ state: 'fulfilled', value: 'cancelled' })
  })

  it('(c) counts what is thrown though it is no error, even nothing', async () => {
    const running = group(group => {
      group.spawn(() => Promise.reject(undefined))
    })
    await clock.settle()
    expect(running.error).toMatchObject({ errors: [undefined] })
  })

  it('(d) lets children spawn more while it closes', async () => {
    const ended: string[] = []
    const running = group(group => {
      group.spawn(async scope => {
        await scope.sleep(5)
        group.spawn(async inner => {
          await inner.sleep(5)
          ended.push('grandchild')
        })
      })
    })
    await clock.advance(9)
    expect(running.state).toBe('pending')
    await clock.advance(1)
    expect(running.state).toBe('fulfilled')
    expect(ended).toEqual(['grandchild'])
  })

  it('(d) lets a task be spawned from outside until it has ended, and no longer', async () => {
    let kept: TaskGroup | undefined
    const running = group(group => {
      kept = group
      group.spawn(scope => scope.sleep(5))
    })
    await clock.settle()
    expect(kept!.running).toBe(1)
    kept!.spawn(scope => scope.sleep(8))
    expect(kept!.running).toBe(2)
    await clock.advance(8)
    expect(running.state).toBe('fulfilled')
    expect(kept!.running).toBe(0)
    expect(() => kept!.spawn(() => undefined)).toThrow(
      expect.objectContaining({ code: 'EXO_RESOURCE_CLOSED' }),
    )
    expect((await outcome(kept!.start(() => undefined))).error).toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
  })

  it('(e) begins a child cancelled that is spawned after cancellation: its first checkpoint throws', async () => {
    const steps: string[] = []
    const running = group(group => {
      group.cancel()
      const task = group.spawn(scope => {
        steps.push('began')
        scope.checkpoint()
        steps.push('never')
      })
      return task.result.catch(error => isCancellation(error))
    })
    await clock.settle()
    expect(steps).toEqual(['began'])
    expect(running.value).toBe(true)
  })

  it('(h) governs a child by its own scope and not by that of whoever spawned it', async () => {
    let task: Task<string> | undefined
    const running = group(async group => {
      const spawner = group.spawn(async scope => {
        using inner = new CancelScope({ scope, timeout: 1 })
        task = group.spawn(own => own.sleep(10).then(() => 'unharmed'))
        await inner.forever()
      })
      await group.scope.sleep(2)
      spawner.cancel()
    })
    await clock.advance(10)
    expect(running.state).toBe('fulfilled')
    expect(await task!.result).toBe('unharmed')
  })

  it('begins the work of a child in a microtask, never within spawn', async () => {
    const steps: string[] = []
    group(group => {
      group.spawn(() => void steps.push('child'))
      steps.push('body')
    })
    await clock.settle()
    expect(steps).toEqual(['body', 'child'])
  })
})

describe('a task group that is cancelled', () => {
  it('by its own cancel ends without an error, with nothing for a body that was cut short', async () => {
    let kept: TaskGroup | undefined
    const running = group(group => {
      kept = group
      group.spawn(scope => scope.forever())
      group.cancel('enough')
      return group.scope.forever()
    })
    await clock.settle()
    expect(running).toEqual({ state: 'fulfilled', value: undefined })
    expect(kept!.scope.cancelledCaught).toBe(true)
    expect(kept!.scope.reason).toBe('enough')
  })

  it('by its own cancel gives the value of a body that was done', async () => {
    let kept: TaskGroup | undefined
    const running = group(group => {
      kept = group
      group.cancel()
      return 'done'
    })
    await clock.settle()
    expect(running.value).toBe('done')
    expect(kept!.scope.cancelledCaught).toBe(false)
  })

  it('by its own deadline ends like one that was cancelled', async () => {
    const running = group(group => group.spawn(scope => scope.forever()).result, { timeout: 10 })
    await clock.advance(9)
    expect(running.state).toBe('pending')
    await clock.advance(1)
    expect(running).toEqual({ state: 'fulfilled', value: undefined })
  })

  it('from outside throws what cancelled it after the join', async () => {
    const steps: string[] = []
    const running = group(group => {
      group.spawn(async scope => {
        await scope.forever().catch(() => undefined)
        await new Promise<void>(resolve => clock.setTimeout(resolve, 3))
        steps.push('cleaned')
      })
      return group.scope.forever()
    })
    root.cancel('outer')
    await clock.advance(2)
    expect(running.state).toBe('pending')
    await clock.advance(1)
    expect(steps).toEqual(['cleaned'])
    expect(running.error).toBe(root.cancelled())
  })

  it('from outside throws also when only a child was cut short', async () => {
    const running = group(group => {
      group.spawn(scope => scope.forever())
      return 'body was done'
    })
    root.cancel('outer')
    await clock.settle()
    expect(running.error).toBe(root.cancelled())
  })

  it('from outside gives its value when nothing in it was cut short', async () => {
    const running = group(group => {
      group.spawn(() => new Promise<void>(resolve => clock.setTimeout(resolve, 5)))
      return 'done'
    })
    root.cancel('outer')
    await clock.advance(5)
    expect(running.value).toBe('done')
  })

  it('from outside and by itself throws what came from outside', async () => {
    const running = group(group => {
      group.cancel('own')
      return group.spawn(async scope => {
        await root.forever().catch(() => undefined)
        scope.checkpoint()
      }).result
    })
    await clock.settle()
    root.cancel('outer')
    await clock.settle()
    expect(running.error).toBe(root.cancelled())
  })

  it('from outside throws its real failures rather than that', async () => {
    const running = group(group => {
      group.spawn(async scope => {
        await scope.forever().catch(() => undefined)
        throw new Error('in cleanup')
      })
    })
    await clock.settle()
    root.cancel()
    await clock.settle()
    expect(running.error).toMatchObject({ errors: [new Error('in cleanup')] })
  })

  it('is closed afterwards: no scope of it is left in the tree', async () => {
    let kept: TaskGroup | undefined
    group(
      group => {
        kept = group
        group.spawn(scope => scope.sleep(1))
      },
      { timeout: 100 },
    )
    await clock.advance(1)
    expect(clock.pending).toBe(0)
    root.cancel()
    expect(kept!.scope.isCancelled).toBe(false)
  })

  it('in the cancellation of somebody else, which the body throws, stops its tasks and hands it on', async () => {
    const other = new CancelScope({ clock, name: 'another' })
    other.cancel('over there')
    let task: Task | undefined
    const running = group(group => {
      task = group.spawn(scope => scope.forever())
      other.checkpoint()
    })
    await clock.settle()
    expect(task!.status).toBe('cancelled')
    expect(running.error).toBe(other.cancelled())
  })

  it('makes one cancellation for ten thousand tasks', async () => {
    const seen = new Set<unknown>()
    const running = group(group => {
      for (let one = 0; one < 10_000; one += 1)
        group.spawn(scope =>
          scope.forever().catch(error => {
            seen.add(error)
            throw error
          }),
        )
      return group.scope.sleep(1)
    })
    await clock.settle()
    root.cancel()
    await clock.settle()
    expect(running.state).toBe('rejected')
    expect([...seen]).toEqual([root.cancelled()])
  })
})

describe('(f) a task', () => {
  it('has a name, the time at which it began, a status and a result', async () => {
    await clock.advance(7)
    const running = group(async group => {
      const named = group.spawn(scope => scope.sleep(1).then(() => 5), { name: 'the sum' })
      const unnamed = group.spawn(() => 1)
      expect(named).toMatchObject({ name: 'the sum', startedAt: 7, status: 'running' })
      expect(unnamed.name).toBe('task 2 of the task group')
      expect(named.scope.name).toBe('the sum')
      expect(await named.result).toBe(5)
      expect(named.status).toBe('done')
      // Also when nobody had asked for it before.
      expect(await unnamed.result).toBe(1)
      expect(unnamed.result).toBe(unnamed.result)
    })
    await clock.advance(1)
    expect(running).toEqual({ state: 'fulfilled', value: undefined })
  })

  it('that has failed says so, and rejects with what it has thrown', async () => {
    const tasks: Task[] = []
    group(group => {
      tasks.push(group.spawn(failing(0, 'broken')), group.spawn(failing(0, 'unlooked at')))
      void tasks[0]!.result
    })
    await clock.advance(0)
    expect(tasks.map(task => task.status)).toEqual(['failed', 'cancelled'])
    expect((await outcome(tasks[0]!.result)).error).toEqual(new Error('broken'))
  })

  it('can be cancelled alone; its group goes on', async () => {
    let cancelled: Task | undefined
    const running = group(async group => {
      cancelled = group.spawn(scope => scope.forever())
      const other = group.spawn(scope => scope.sleep(5).then(() => 'other'))
      cancelled.cancel('not needed')
      return await other.result
    })
    await clock.advance(5)
    expect(running.value).toBe('other')
    expect(cancelled!.status).toBe('cancelled')
    expect((await outcome(cancelled!.result)).error).toMatchObject({ cause: 'not needed' })
  })

  it('that ends well in spite of being cancelled is done', async () => {
    let task: Task<string> | undefined
    group(group => {
      task = group.spawn(() => 'done')
      task.cancel()
    })
    await clock.settle()
    expect(task!.status).toBe('done')
    expect(await task!.result).toBe('done')
  })

  it('that has ended is out of reach: its scope is closed before its group is', async () => {
    let ended: Task | undefined
    const running = group(async group => {
      ended = group.spawn(() => 1)
      await ended.result
      group.cancel()
    })
    await clock.settle()
    expect(running.state).toBe('fulfilled')
    expect(ended!.scope.isCancelled).toBe(false)
  })

  it('can be waited for by somebody who is cancelled meanwhile, and goes on', async () => {
    const caller = new CancelScope({ scope: root })
    let task: Task<string> | undefined
    group(group => {
      task = group.spawn(scope => scope.sleep(5).then(() => 'ready'))
    })
    await clock.settle()
    const impatient = track(caller.wait(task!.result))
    const patient = track(root.wait(task!.result))
    caller.cancel()
    await clock.advance(5)
    expect(impatient.error).toBe(caller.cancelled())
    expect(patient.value).toBe('ready')
  })
})

describe('(g) start', () => {
  it('waits until the child says that it is ready, gives what it says, and leaves it running', async () => {
    let task: Task<string> | undefined
    const running = group(async group => {
      const started = await group.start(async (scope, ready: (port: number) => void) => {
        await scope.sleep(5)
        ready(8_000)
        ready(9_000)
        await scope.sleep(5)
        return 'ended'
      })
      task = started.task
      expect(clock.now()).toBe(5)
      return started.value
    })
    await clock.advance(9)
    expect(task!.status).toBe('running')
    expect(running.state).toBe('pending')
    await clock.advance(1)
    expect(running.value).toBe(8_000)
    expect(await task!.result).toBe('ended')
  })

  it('fails when the child ends without having said so', async () => {
    const running = group(async group => {
      const { error } = await outcome(group.start(() => 'nothing said', { name: 'the server' }))
      return error
    })
    await clock.settle()
    expect(running.value).toMatchObject({
      code: 'EXO_TASKS_FAILED',
      message: 'the server ended without having said that it is ready',
    })
  })

  it('gives a failure before the child is ready to its caller alone: the group goes on', async () => {
    const running = group(async group => {
      const sibling = group.spawn(scope => scope.sleep(5).then(() => 'unharmed'))
      const { error } = await outcome(group.start(failing(1, 'no port')))
      return [(error as Error).message, await sibling.result]
    })
    await clock.advance(5)
    expect(running.value).toEqual(['no port', 'unharmed'])
  })

  it('leaves a failure after the child was ready to the group', async () => {
    const running = group(async group => {
      await group.start(async (scope, ready: () => void) => {
        ready()
        await failing(1, 'crashed')(scope)
      })
      await group.scope.forever()
    })
    await clock.advance(1)
    expect(running.error).toMatchObject({ errors: [new Error('crashed')] })
  })

  it('is over when the group is cancelled before, and so is the child', async () => {
    let rejected: unknown
    const running = group(async group => {
      const starting = group.start(scope => scope.forever())
      group.cancel('enough')
      rejected = (await outcome(starting)).error
    })
    await clock.settle()
    expect(rejected).toMatchObject({ code: 'EXO_ABORTED', cause: 'enough' })
    expect(running.state).toBe('fulfilled')
  })

  it('cancels the child when its caller is cancelled before, waits for its end, and leaves the group alone', async () => {
    const caller = new CancelScope({ scope: root, name: 'the caller' })
    let cleaned = false
    let starting: ReturnType<typeof track> | undefined
    const running = group(group => {
      starting = track(
        group.start(
          async scope => {
            await scope.forever().catch(() => undefined)
            await root.sleep(5)
            cleaned = true
          },
          { cancellation: caller },
        ),
      )
      return group.spawn(scope => scope.sleep(20).then(() => 'unharmed')).result
    })
    await clock.settle()
    caller.cancel()
    await clock.advance(4)
    expect(starting!.state).toBe('pending')
    await clock.advance(1)
    expect(cleaned).toBe(true)
    expect(starting!.error).toBe(caller.cancelled())
    await clock.advance(15)
    expect(running.value).toBe('unharmed')
  })

  it('does not begin for a caller who is cancelled already', async () => {
    let begun = false
    const running = group(async group => {
      const starting = group.start(
        () => {
          begun = true
        },
        { cancellation: AbortSignal.abort('gone') },
      )
      return (await outcome(starting)).error
    })
    await clock.settle()
    expect(running.value).toMatchObject({ code: 'EXO_ABORTED', cause: 'gone' })
    expect(begun).toBe(false)
  })

  it('leaves a child that is ready alone when its caller is cancelled afterwards, and does not listen any more', async () => {
    const caller = new CancelScope({ scope: root })
    const running = group(async group => {
      const { task } = await group.start(
        async (scope, ready: () => void) => {
          ready()
          await scope.sleep(5)
          return 'unharmed'
        },
        { cancellation: caller },
      )
      caller.cancel()
      return await task.result
    })
    await clock.advance(5)
    expect(running.value).toBe('unharmed')
  })

  it('throws the real failure of a child whose caller was cancelled', async () => {
    const caller = new CancelScope({ scope: root })
    const running = group(async group => {
      const starting = outcome(
        group.start(
          async scope => {
            await scope.forever().catch(() => undefined)
            throw new Error('cleanup broke')
          },
          { cancellation: caller },
        ),
      )
      caller.cancel()
      return (await starting).error
    })
    await clock.settle()
    expect(running.value).toEqual(new Error('cleanup broke'))
  })

  it('makes no unhandled rejection of a start that nobody waits for when the group is cancelled', async () => {
    const running = group(group => {
      void group.start(scope => scope.forever())
      group.cancel()
    })
    await clock.settle()
    expect(running.state).toBe('fulfilled')
  })

  it('throws from outside what has cut short a child that was not ready, though nobody waited for it', async () => {
    const running = group(group => void group.start(scope => scope.forever()))
    await clock.settle()
    root.cancel()
    await clock.settle()
    expect(running.error).toBe(root.cancelled())
  })

  it('does not hide the failure of a start that nobody waits for', async () => {
    const running = group(group => void group.start(failing(0, 'no port')))
    await clock.advance(0)
    expect(running.state).toBe('fulfilled')
    expect(unhandled.splice(0)).toEqual([new Error('no port')])
  })

  it('listens no more to a caller once the child has ended without being ready', async () => {
    const { signal } = new AbortController()
    const running = group(async group => {
      const starting = group.start(failing(1, 'no port'), { cancellation: signal })
      expect(getEventListeners(signal, 'abort')).toHaveLength(1)
      await outcome(starting)
    })
    await clock.advance(1)
    expect(running.state).toBe('fulfilled')
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('takes a child that ends quietly since it was cancelled for one that was cancelled', async () => {
    const running = group(async group => {
      const starting = group.start(scope => scope.forever().catch(() => 'quiet'))
      group.cancel('enough')
      return (await outcome(starting)).error
    })
    await clock.settle()
    expect(running.value).toMatchObject({ code: 'EXO_ABORTED', cause: 'enough' })
  })

  it('hands on the cancellation of somebody else that a child has met before it was ready', async () => {
    const other = new CancelScope({ clock })
    other.cancel('over there')
    const running = group(async group => (await outcome(group.start(() => other.checkpoint()))).error)
    await clock.settle()
    expect(running.value).toBe(other.cancelled())
  })
})
