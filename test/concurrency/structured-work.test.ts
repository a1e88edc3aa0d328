import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Event } from '../../src/concurrency/event.ts'
import { gather } from '../../src/concurrency/gather.ts'
import { Lock, withLock } from '../../src/concurrency/lock.ts'
import { CancelScope } from '../../src/concurrency/scope.ts'
import { withTaskGroup } from '../../src/concurrency/task-group.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { failAfter, moveOnAfter, withCancelScope } from '../../src/concurrency/with-scope.ts'
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

describe('work in a structure', () => {
  it('that batches hands its batch to a group that outlives the caller, and so never waits for itself under its lock', async () => {
    const lock = new Lock()
    const flushed: string[][] = []
    const running = track(
      withTaskGroup(
        async group => {
          let pending: string[] = []
          const flush = (scope: CancelScope) =>
            withLock(
              lock,
              () => {
                flushed.push(pending)
                pending = []
              },
              scope,
            )
          const add = (item: string, scope: CancelScope) =>
            withLock(
              lock,
              async () => {
                pending.push(item)
                if (pending.length === 2) group.spawn(flush)
                await scope.sleep(1)
              },
              scope,
            )
          await gather(
            ['a', 'b', 'c', 'd'].map(item => (scope: CancelScope) => add(item, scope)),
            { scope: group.scope },
          )
        },
        { scope: root },
      ),
    )
    await clock.advance(10)
    expect(running.state).toBe('fulfilled')
    expect(flushed.flat()).toEqual(['a', 'b', 'c', 'd'])
  })

  it('that does wait for itself under its lock ends by its deadline, and lets the lock go', async () => {
    const lock = new Lock()
    const running = track(
      failAfter(
        10,
        outer =>
          withLock(
            lock,
            () =>
              withTaskGroup(
                group => void group.spawn(scope => withLock(lock, () => expect.unreachable(), scope)),
                { scope: outer },
              ),
            outer,
          ),
        { scope: root },
      ),
    )
    await clock.advance(10)
    expect(running.error).toMatchObject({ code: 'EXO_DEADLINE_EXCEEDED' })
    expect(await withLock(lock, () => 'free', root)).toBe('free')
  })

  it('that many wait for goes on when one of them is cancelled, and the others get it', async () => {
    let begun = 0
    let work: Promise<string> | undefined
    const initialize = (scope: CancelScope) => {
      work ??= (async () => {
        begun += 1
        await root.sleep(10)
        return 'ready'
      })()
      return scope.wait(work)
    }
    const impatient = track(moveOnAfter(5, initialize, { scope: root }))
    const patient = track(withCancelScope(initialize, { scope: root }))
    await clock.advance(5)
    expect(impatient).toEqual({ state: 'fulfilled', value: undefined })
    await clock.advance(5)
    expect(patient.value).toBe('ready')
    expect(await initialize(root)).toBe('ready')
    expect(begun).toBe(1)
  })

  it('runs a lambda each time that it is tried again, and waits for what it gives', async () => {
    let calls = 0
    const attempt = () =>
      Promise.resolve().then(() => {
        calls += 1
        if (calls < 3) throw new Error(`attempt ${calls}`)
        return calls
      })
    const running = track(
      withCancelScope(
        async scope => {
          for (;;) {
            const result = await failAfter(5, inner => inner.run(() => attempt()), { scope }).catch(
              () => undefined,
            )
            if (result !== undefined) return result
            await scope.sleep(1)
          }
        },
        { scope: root },
      ),
    )
    await clock.advance(2)
    expect(running.value).toBe(3)
  })

  it('tells all its peers at one time: one that is dead delays nobody else', async () => {
    const told: string[] = []
    const tell = (peer: string, ms: number) => (scope: CancelScope) =>
      moveOnAfter(
        20,
        async inner => {
          await inner.sleep(ms)
          told.push(`${peer} at ${clock.now()}`)
        },
        { scope },
      )
    const running = track(gather([tell('dead', 1e9), tell('slow', 10), tell('fast', 1)], { scope: root }))
    await clock.advance(10)
    expect(told).toEqual(['fast at 1', 'slow at 10'])
    await clock.advance(10)
    expect(running.state).toBe('fulfilled')
  })

  it('is told to end by an event as well as by its scope', async () => {
    const stop = new Event()
    const running = track(
      withTaskGroup(
        async group => {
          group.spawn(async scope => {
            await stop.wait(scope)
            group.cancel('stopped')
          })
          await group.scope.forever()
        },
        { scope: root },
      ),
    )
    await clock.settle()
    stop.set()
    await clock.settle()
    expect(running).toEqual({ state: 'fulfilled', value: undefined })
  })
})
