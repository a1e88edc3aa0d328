import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Cancelled } from '../../src/concurrency/cancellation.ts'
import { realClock } from '../../src/concurrency/clock.ts'
import { CancelScope } from '../../src/concurrency/scope.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { isExovisorError } from '../../src/errors.ts'
import { outcome, track } from './tracked.ts'

let clock: VirtualClock
let root: CancelScope

beforeEach(() => {
  clock = new VirtualClock(1_000)
  root = new CancelScope({ clock, name: 'the root' })
})

afterEach(() => {
  root.close()
  expect(clock.pending, 'timers left').toBe(0)
})

const inside = (options: ConstructorParameters<typeof CancelScope>[0] = {}) =>
  new CancelScope({ scope: root, ...options })

const thrown = (act: () => unknown): unknown => {
  try {
    act()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('a cancel scope that nobody has cancelled', () => {
  it('says so, and lets every checkpoint pass', () => {
    expect(root.isCancelled).toBe(false)
    expect(root.cancelCalled).toBe(false)
    expect(root.cancelledCaught).toBe(false)
    expect(root.reason).toBe(undefined)
    expect(root.signal.aborted).toBe(false)
    expect(() => root.checkpoint()).not.toThrow()
  })

  it('has the clock of the machine, no deadline, no shield and a name by default', () => {
    const scope = new CancelScope()
    expect(scope.clock).toBe(realClock)
    expect(scope.deadline).toBe(Infinity)
    expect(scope.effectiveDeadline).toBe(Infinity)
    expect(scope.shield).toBe(false)
    expect(scope.name).toBe('the work')
  })

  it('takes the clock of the scope around it, and refuses another one', () => {
    expect(inside().clock).toBe(clock)
    expect(inside({ clock }).clock).toBe(clock)
    expect(thrown(() => inside({ clock: realClock }))).toMatchObject({ code: 'EXO_OPTION_INVALID' })
  })
})

describe('cancelling', () => {
  it('keeps the first reason', () => {
    const first = new Error('first')
    root.cancel(first)
    root.cancel(new Error('second'))
    expect(root.reason).toBe(first)
    expect(root.cancelled().cause).toBe(first)
    expect(root.cancelCalled).toBe(true)
  })

  it('keeps a first reason that is none', () => {
    root.cancel()
    root.cancel('late')
    expect(root.reason).toBe(undefined)
    expect(root.cancelled().message).toBe('the root was cancelled')
  })

  it('is level-triggered: every checkpoint throws again, and all throw one and the same object', async () => {
    root.cancel('enough')
    const first = thrown(() => root.checkpoint())
    expect(first).toBeInstanceOf(Cancelled)
    expect(isExovisorError(first, 'EXO_ABORTED')).toBe(true)
    expect(thrown(() => root.checkpoint())).toBe(first)
    expect((await outcome(root.sleep(5))).error).toBe(first)
    expect((await outcome(root.sleep(0))).error).toBe(first)
    expect((await outcome(root.forever())).error).toBe(first)
    expect((await outcome(root.wait(Promise.resolve(1)))).error).toBe(first)
    expect((await outcome(root.run(() => 1))).error).toBe(first)
    expect(root.cancelled()).toBe(first)
    expect(root.signal.reason).toBe(first)
  })

  it('tells each listener once, those too that are the same function, and at once those that come late', () => {
    let calls = 0
    const listener = () => {
      calls += 1
    }
    root.onCancel(listener)
    const forget = root.onCancel(listener)
    root.onCancel(listener)
    forget()
    root.cancel()
    expect(calls).toBe(2)
    root.cancel()
    expect(calls).toBe(2)
    root.onCancel(listener)()
    expect(calls).toBe(3)
  })

  it('tells all listeners also when one of them throws, and does not hide what it threw', async () => {
    const faults: unknown[] = []
    const before = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', error => faults.push(error))
    try {
      let told = false
      root.onCancel(() => {
        throw new Error('a bad listener')
      })
      root.onCancel(() => {
        told = true
      })
      root.cancel()
      expect(told).toBe(true)
      await clock.settle()
      expect(faults).toEqual([new Error('a bad listener')])
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const listener of before) process.on('uncaughtException', listener)
    }
  })

  it('aborts a signal that was asked for before, and one that is asked for after', () => {
    const early = root.signal
    expect(root.signal).toBe(early)
    root.cancel('over')
    expect(early.aborted).toBe(true)
    expect(early.reason).toBe(root.cancelled())
    const late = inside()
    expect(late.signal.reason).toBe(root.cancelled())
  })
})

describe('nested scopes', () => {
  it('are cancelled with the scope around them, with the same object, and say that nobody called for it', () => {
    const child = inside()
    const grandchild = new CancelScope({ scope: child })
    root.cancel('all')
    expect(grandchild.isCancelled).toBe(true)
    expect(grandchild.cancelled()).toBe(root.cancelled())
    expect(grandchild.reason).toBe('all')
    expect(grandchild.cancelCalled).toBe(false)
  })

  it('are cancelled from the beginning if the scope around them is', () => {
    root.cancel('all')
    expect(inside().cancelled()).toBe(root.cancelled())
  })

  it('leave the scope around them and their siblings alone', () => {
    const child = inside()
    const sibling = inside()
    child.cancel()
    expect(root.isCancelled).toBe(false)
    expect(sibling.isCancelled).toBe(false)
  })

  it('keep throwing their own cancellation when a later one comes from outside', () => {
    const child = inside()
    child.cancel('own')
    const own = child.cancelled()
    root.cancel('outer')
    expect(child.cancelled()).toBe(own)
    expect(child.reason).toBe('own')
  })

  it('may call for their own cancellation when one has come from outside', () => {
    const child = inside()
    root.cancel('outer')
    child.cancel('own')
    expect(child.cancelCalled).toBe(true)
    expect(child.reason).toBe('outer')
  })

  it('show their listeners a tree that is cancelled as a whole', () => {
    const first = inside()
    const last = inside()
    const seen: boolean[] = []
    first.onCancel(() => seen.push(last.isCancelled, last.signal.aborted))
    root.cancel()
    expect(seen).toEqual([true, true])
  })

  it('may be a hundred thousand deep', () => {
    const scopes = [root]
    for (let depth = 0; depth < 100_000; depth += 1) scopes.push(new CancelScope({ scope: scopes[depth] }))
    root.cancel()
    expect(scopes[100_000]!.isCancelled).toBe(true)
    for (const scope of scopes.reverse()) scope.close()
  })

  it('are out of reach once they are closed', () => {
    const child = inside()
    child.close()
    root.cancel()
    expect(child.isCancelled).toBe(false)
  })

  it('cannot begin in a scope that is closed: whoever tries has outlived it', () => {
    const child = inside({ name: 'the child' })
    child.close()
    const error = thrown(() => new CancelScope({ scope: child }))
    expect(error).toMatchObject({ code: 'EXO_TASK_LEAKED' })
    expect(String(error)).toContain('the child')
  })

  it('are closed by `using` at the end of its block', () => {
    let kept: CancelScope
    {
      using scope = inside({ timeout: 5 })
      kept = scope
      expect(clock.pending).toBe(1)
    }
    expect(clock.pending).toBe(0)
    root.cancel()
    expect(kept.isCancelled).toBe(false)
  })
})

describe('a deadline', () => {
  it('cancels the scope at its time, and the reason says which it was', async () => {
    const scope = inside({ timeout: 50, name: 'the upload' })
    expect(scope.deadline).toBe(1_050)
    await clock.advance(49)
    expect(scope.isCancelled).toBe(false)
    await clock.advance(1)
    expect(scope.cancelCalled).toBe(true)
    expect(scope.reason).toMatchObject({ code: 'EXO_DEADLINE_EXCEEDED', details: { deadline: 1_050 } })
    expect(String(scope.reason)).toContain('the upload')
    scope.close()
  })

  it('reaches those who wait without looking', async () => {
    const scope = inside({ timeout: 50 })
    const waiting = track(scope.forever())
    await clock.advance(50)
    expect(waiting.error).toBe(scope.cancelled())
    scope.close()
  })

  it('is the earlier one of a timeout and a time', () => {
    using early = inside({ timeout: 50, deadline: 1_020 })
    using late = inside({ timeout: 50, deadline: 2_000 })
    expect([early.deadline, late.deadline]).toEqual([1_020, 1_050])
  })

  it('may be moved later, earlier, and away', async () => {
    using scope = inside({ timeout: 50 })
    scope.deadline = 1_100
    await clock.advance(60)
    expect(scope.isCancelled).toBe(false)
    scope.deadline = Infinity
    expect(clock.pending).toBe(0)
    await clock.advance(1_000)
    expect(scope.isCancelled).toBe(false)
    scope.deadline = clock.now() + 10
    await clock.advance(10)
    expect(scope.isCancelled).toBe(true)
  })

  it('that has passed already cancels at the next checkpoint', () => {
    using scope = inside()
    scope.deadline = 999
    expect(thrown(() => scope.checkpoint())).toBeInstanceOf(Cancelled)
  })

  it('that has passed already cancels at the next turn those who wait', async () => {
    using scope = inside()
    const waiting = track(scope.sleep(1_000))
    scope.deadline = 999
    await clock.advance(0)
    expect(waiting.error).toBe(scope.cancelled())
  })

  it('ends work that never waits, though no timer gets its turn: also one of a scope around it', () => {
    let now = 0
    const busy = { now: () => now, setTimeout: () => 1, clearTimeout: () => undefined, nextTurn: () => 0 }
    const outer = new CancelScope({ clock: busy, timeout: 10 })
    const middle = new CancelScope({ scope: outer })
    const inner = new CancelScope({ scope: middle })
    now = 9
    expect(inner.isCancelled).toBe(false)
    now = 10
    expect(inner.isCancelled).toBe(true)
    expect(inner.cancelled()).toBe(outer.cancelled())
    expect(middle.cancelCalled).toBe(false)
  })

  it('of a scope outside of a shield does not end work that never waits', () => {
    let now = 0
    const busy = { now: () => now, setTimeout: () => 1, clearTimeout: () => undefined, nextTurn: () => 0 }
    const outer = new CancelScope({ clock: busy, timeout: 10 })
    const inner = new CancelScope({ scope: outer, shield: true })
    now = 10
    expect(inner.isCancelled).toBe(false)
    inner.shield = false
    expect(inner.isCancelled).toBe(true)
  })

  it('that nobody has does not make anybody look at the clock', () => {
    let looks = 0
    const watched = {
      now: () => {
        looks += 1
        return 0
      },
      setTimeout: () => 1,
      clearTimeout: () => undefined,
      nextTurn: () => 0,
    }
    const scope = new CancelScope({ clock: watched })
    new CancelScope({ scope }).checkpoint()
    expect(looks).toBe(0)
  })

  it('does not change the reason of a scope that was cancelled before it', async () => {
    using scope = inside({ timeout: 50 })
    scope.cancel('first')
    expect(clock.pending).toBe(0)
    await clock.advance(60)
    expect(scope.isCancelled).toBe(true)
    expect(scope.reason).toBe('first')
  })

  it('that is set when the scope is cancelled or closed arms no timer and changes nothing', () => {
    const cancelled = inside()
    cancelled.cancel()
    cancelled.deadline = 2_000
    const closed = inside()
    closed.close()
    closed.deadline = 1
    expect(clock.pending).toBe(0)
    expect(closed.isCancelled).toBe(false)
    cancelled.close()
  })

  it('is -Infinity in effect once the scope is cancelled', () => {
    using scope = inside({ timeout: 50 })
    expect(scope.effectiveDeadline).toBe(1_050)
    root.cancel()
    expect(scope.effectiveDeadline).toBe(-Infinity)
  })

  it('in effect is the earliest one up to the nearest shield', () => {
    using outer = inside({ deadline: 1_010 })
    using middle = new CancelScope({ scope: outer, deadline: 1_030 })
    using inner = new CancelScope({ scope: middle, deadline: 1_050 })
    expect(inner.effectiveDeadline).toBe(1_010)
    middle.shield = true
    expect(inner.effectiveDeadline).toBe(1_030)
    inner.shield = true
    expect(inner.effectiveDeadline).toBe(1_050)
  })

  it.each([
    [{ timeout: -1 }, 'timeout'],
    [{ timeout: Number.NaN }, 'timeout'],
    [{ deadline: Number.NaN }, 'deadline'],
  ])('that is none is refused: %o', (options, option) => {
    expect(thrown(() => inside(options))).toMatchObject({
      code: 'EXO_OPTION_INVALID',
      details: { option },
    })
  })

  it('that is none is refused also when it is set', () => {
    using scope = inside({ timeout: 50 })
    expect(
      thrown(() => {
        scope.deadline = Number.NaN
      }),
    ).toMatchObject({ code: 'EXO_OPTION_INVALID' })
    expect(scope.deadline).toBe(1_050)
  })

  it('of no time at all cancels at the first checkpoint', () => {
    using scope = inside({ timeout: 0 })
    expect(scope.isCancelled).toBe(true)
  })
})

describe('a shield', () => {
  it('keeps out what cancels the scopes around it, for all that is inside', () => {
    const shielded = inside({ shield: true })
    const below = new CancelScope({ scope: shielded })
    root.cancel()
    expect(shielded.isCancelled).toBe(false)
    expect(below.isCancelled).toBe(false)
    expect(below.signal.aborted).toBe(false)
  })

  it('keeps it out also when it came before the scope', () => {
    root.cancel()
    expect(inside({ shield: true }).isCancelled).toBe(false)
  })

  it('does not keep out the scope’s own cancellation and deadline', async () => {
    using timed = inside({ shield: true, timeout: 5 })
    const called = inside({ shield: true })
    called.cancel()
    await clock.advance(5)
    expect([timed.isCancelled, called.isCancelled]).toEqual([true, true])
  })

  it('that is lowered while there is a cancellation outside lets it in at once', () => {
    const shielded = inside({ shield: true })
    const below = new CancelScope({ scope: shielded })
    let told = 0
    below.onCancel(() => {
      told += 1
    })
    root.cancel('outer')
    shielded.shield = false
    expect(told).toBe(1)
    expect(shielded.cancelled()).toBe(root.cancelled())
    expect(below.reason).toBe('outer')
  })

  it('that is raised afterwards leaves what has arrived in place', () => {
    const scope = inside()
    root.cancel()
    scope.shield = true
    expect(scope.isCancelled).toBe(true)
  })

  it('that is lowered while nothing is cancelled changes nothing', () => {
    const scope = inside({ shield: true })
    scope.shield = false
    expect(scope.shield).toBe(false)
    expect(scope.isCancelled).toBe(false)
    root.cancel()
    expect(scope.isCancelled).toBe(true)
  })
})

describe('a signal from outside', () => {
  it('cancels the scope like one more scope around it', () => {
    const controller = new AbortController()
    const scope = inside({ signal: controller.signal })
    controller.abort('gone')
    expect(scope.isCancelled).toBe(true)
    expect(scope.cancelCalled).toBe(false)
    expect(scope.reason).toBe('gone')
  })

  it('that is aborted already cancels it from the beginning', () => {
    expect(inside({ signal: AbortSignal.abort('gone') }).reason).toBe('gone')
  })

  it('hands on the object of the scope that it belongs to', () => {
    const other = new CancelScope({ clock })
    const scope = inside({ signal: other.signal })
    other.cancel('over there')
    expect(scope.cancelled()).toBe(other.cancelled())
  })

  it('is told by one object to all who wait under it', () => {
    const signal = AbortSignal.abort('gone')
    expect(inside({ signal }).cancelled()).toBe(inside({ signal }).cancelled())
  })

  it('does not reach a scope that is closed when its shield is lowered', () => {
    const controller = new AbortController()
    const scope = inside({ signal: controller.signal, shield: true })
    scope.close()
    controller.abort()
    scope.shield = false
    expect(scope.isCancelled).toBe(false)
  })

  it('is kept out by a shield until it is lowered', () => {
    const controller = new AbortController()
    const scope = inside({ signal: controller.signal, shield: true })
    controller.abort('gone')
    expect(scope.isCancelled).toBe(false)
    scope.shield = false
    expect(scope.reason).toBe('gone')
  })

  it('has one listener while the scope is open, and none afterwards', () => {
    const { signal } = new AbortController()
    const scope = inside({ signal })
    void scope.forever()
    void scope.forever()
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    scope.close()
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})

describe('waiting in a scope', () => {
  it('sleeps as long as it was told', async () => {
    const sleeping = track(root.sleep(30))
    await clock.advance(29)
    expect(sleeping.state).toBe('pending')
    await clock.advance(1)
    expect(sleeping.state).toBe('fulfilled')
  })

  it('ends a sleep at once when it is cancelled, and leaves no timer', async () => {
    const sleeping = track(root.sleep(30))
    root.cancel()
    expect(clock.pending).toBe(0)
    await clock.settle()
    expect(sleeping.error).toBe(root.cancelled())
  })

  it('sleeps for ever without a timer', async () => {
    const sleeping = track(root.sleep(Infinity))
    expect(clock.pending).toBe(0)
    await clock.advance(1e9)
    expect(sleeping.state).toBe('pending')
    root.cancel()
    await clock.settle()
    expect(sleeping.state).toBe('rejected')
  })

  it('gives what the work gives, or throws what it throws', async () => {
    expect(await root.wait(Promise.resolve(7))).toBe(7)
    const fault = new Error('broken')
    expect((await outcome(root.wait(Promise.reject(fault)))).error).toBe(fault)
  })

  it('ends a wait when it is cancelled, lets the work go on, and drops what it throws later', async () => {
    let fail: (error: Error) => void = () => undefined
    const work = new Promise<never>((_, reject) => {
      fail = reject
    })
    const waiting = track(root.wait(work))
    root.cancel()
    await clock.settle()
    expect(waiting.error).toBe(root.cancelled())
    fail(new Error('late'))
    await clock.settle()
  })

  it('drops what work throws for which nobody began to wait, since the scope was cancelled already', async () => {
    root.cancel()
    await outcome(root.wait(Promise.reject(new Error('late'))))
    await clock.settle()
  })

  it('waits for any thenable, also one that calls back at once', async () => {
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: that is what is tested
      then: (resolve: (value: number) => void) => resolve(3),
    } as unknown as PromiseLike<number>
    expect(await root.wait(thenable)).toBe(3)
  })

  it('forgets a wait that has ended: a later cancellation finds nobody', async () => {
    await root.wait(Promise.resolve())
    await outcome(root.wait(Promise.reject(new Error('broken'))))
    const sleeping = root.sleep(1)
    await clock.advance(1)
    await sleeping
    let calls = 0
    const counted = new CancelScope({
      clock: {
        ...clock,
        now: () => 0,
        nextTurn: () => undefined,
        setTimeout: fn => {
          queueMicrotask(fn)
          return 1
        },
        clearTimeout: () => {
          calls += 1
        },
      },
    })
    await counted.sleep(1)
    counted.cancel()
    expect(calls).toBe(0)
  })

  it('makes no unhandled rejection of a wait that nobody looks at when it is cancelled', async () => {
    void root.sleep(10)
    void root.forever()
    void root.wait(new Promise(() => undefined))
    root.cancel()
    void root.sleep(10)
    void root.wait(Promise.resolve())
    await clock.settle()
  })
})

describe('work that is run with the signal of a scope', () => {
  it('gets the signal, and gives its result', async () => {
    let given: AbortSignal | undefined
    const result = await root.run(signal => {
      given = signal
      return 5
    })
    expect(result).toBe(5)
    expect(given).toBe(root.signal)
  })

  it('does not begin when the scope is cancelled already', async () => {
    root.cancel()
    let begun = false
    await outcome(
      root.run(() => {
        begun = true
      }),
    )
    expect(begun).toBe(false)
  })

  it('is waited for when the scope is cancelled, so that its memory is free only when it is', async () => {
    let end: (value: string) => void = () => undefined
    const running = track(
      root.run(
        () =>
          new Promise<string>(resolve => {
            end = resolve
          }),
      ),
    )
    root.cancel()
    await clock.settle()
    expect(running.state).toBe('pending')
    end('done')
    await clock.settle()
    expect(running).toMatchObject({ state: 'fulfilled', value: 'done' })
    expect(() => root.checkpoint()).toThrow()
  })

  it('gives up with the scope’s own object, whichever AbortError its library makes', async () => {
    const bare = new CancelScope({ clock })
    const stopping = root.run(
      signal =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new DOMException('stopped', 'AbortError')))
        }),
    )
    const seen = track(stopping)
    root.cancel()
    await clock.settle()
    expect(seen.error).toBe(root.cancelled())
    const foreign = new DOMException('somebody else', 'AbortError')
    expect((await outcome(bare.run(() => Promise.reject(foreign)))).error).toBe(foreign)
  })

  it('throws its real failures, also when the scope is cancelled', async () => {
    const fault = new Error('broken')
    const failing = outcome(
      root.run(async () => {
        root.cancel()
        throw fault
      }),
    )
    expect((await failing).error).toBe(fault)
  })
})
