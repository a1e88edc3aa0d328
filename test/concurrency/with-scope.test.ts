import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CancelScope } from '../../src/concurrency/scope.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { failAfter, moveOnAfter, withCancelScope } from '../../src/concurrency/with-scope.ts'
import { outcome, track } from './tracked.ts'

let clock: VirtualClock
let root: CancelScope

beforeEach(() => {
  clock = new VirtualClock()
  root = new CancelScope({ clock, name: 'the root' })
})

afterEach(() => {
  root.close()
  expect(clock.pending, 'timers left').toBe(0)
})

describe('withCancelScope', () => {
  it('gives what the body gives, also a body that waits for nothing', async () => {
    expect(await withCancelScope(async scope => scope.wait(Promise.resolve(1)), { scope: root })).toBe(1)
    expect(await withCancelScope(() => 2)).toBe(2)
  })

  it('throws what the body throws, at once or later', async () => {
    const fault = new Error('broken')
    const failing = [
      withCancelScope(() => Promise.reject(fault)),
      withCancelScope(() => {
        throw fault
      }),
    ]
    for (const promise of failing) expect((await outcome(promise)).error).toBe(fault)
  })

  it('catches its own cancellation and says so', async () => {
    let kept: CancelScope | undefined
    const result = await withCancelScope(
      scope => {
        kept = scope
        scope.cancel()
        return scope.sleep(1)
      },
      { scope: root },
    )
    expect(result).toBe(undefined)
    expect(kept).toMatchObject({ cancelCalled: true, cancelledCaught: true })
  })

  it('gives the result of a body that was cancelled and did not notice, and has caught nothing', async () => {
    let kept: CancelScope | undefined
    const result = await withCancelScope(scope => {
      kept = scope
      scope.cancel()
      return 4
    })
    expect(result).toBe(4)
    expect(kept).toMatchObject({ cancelCalled: true, cancelledCaught: false })
  })

  it('lets a cancellation from outside pass, as the object of the scope that was cancelled', async () => {
    let kept: CancelScope | undefined
    const running = track(
      withCancelScope(
        scope => {
          kept = scope
          return scope.forever()
        },
        { scope: root },
      ),
    )
    root.cancel()
    await clock.settle()
    expect(running.error).toBe(root.cancelled())
    expect(kept!.cancelledCaught).toBe(false)
  })

  it('lets a cancellation from outside pass also when it has been cancelled itself, before or after', async () => {
    const both = [true, false].map(ownFirst =>
      track(
        withCancelScope(
          async scope => {
            if (ownFirst) scope.cancel()
            await scope.forever().catch(() => undefined)
            if (ownFirst) await root.forever().catch(() => undefined)
            scope.cancel()
            scope.checkpoint()
          },
          { scope: root },
        ),
      ),
    )
    await clock.settle()
    root.cancel()
    await clock.settle()
    for (const one of both) expect(one.error).toBe(root.cancelled())
  })

  it('catches its own cancellation behind a shield, though there is one outside', async () => {
    root.cancel()
    const result = await withCancelScope(
      async scope => {
        scope.cancel()
        scope.checkpoint()
      },
      { scope: root, shield: true },
    )
    expect(result).toBe(undefined)
  })

  it('lets the cancellation of another scope pass that it knows nothing of', async () => {
    const other = new CancelScope({ clock })
    other.cancel()
    expect((await outcome(withCancelScope(() => other.checkpoint()))).error).toBe(other.cancelled())
  })

  it('throws a real failure of a body that was cancelled', async () => {
    const fault = new Error('broken')
    const failing = withCancelScope(scope => {
      scope.cancel()
      throw fault
    })
    expect((await outcome(failing)).error).toBe(fault)
  })

  it('catches a group of nothing but cancellations, and no group with a failure in it', async () => {
    const caught = await withCancelScope(scope => {
      scope.cancel()
      throw new AggregateError([scope.cancelled(), new AggregateError([scope.cancelled()])])
    })
    expect(caught).toBe(undefined)
    const mixed = new AggregateError([new Error('broken')])
    const failing = withCancelScope(scope => {
      scope.cancel()
      mixed.errors.push(scope.cancelled())
      throw mixed
    })
    expect((await outcome(failing)).error).toBe(mixed)
  })

  it('cannot be fooled by a body that swallows: the next checkpoint throws again', async () => {
    const passed: string[] = []
    await withCancelScope(async scope => {
      scope.cancel()
      await scope.sleep(1).catch(() => passed.push('first'))
      await scope.sleep(1).catch(() => passed.push('second'))
      await scope.sleep(1)
      passed.push('never')
    })
    expect(passed).toEqual(['first', 'second'])
  })

  it('leaves no timer and no listener behind, however the body ends', async () => {
    const { signal } = new AbortController()
    const bodies = [
      () => 1,
      () => Promise.reject(new Error('broken')),
      (scope: CancelScope) => {
        scope.cancel()
        scope.checkpoint()
      },
    ]
    for (const body of bodies)
      await outcome(withCancelScope<unknown>(body, { scope: root, signal, timeout: 1_000 }))
    expect(clock.pending).toBe(0)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('lets cleanup wait in a shield with a time limit of its own', async () => {
    const steps: string[] = []
    const running = track(
      withCancelScope(
        async scope => {
          try {
            await scope.forever()
          } finally {
            await moveOnAfter(
              10,
              async cleanup => {
                await cleanup.sleep(4)
                steps.push('closed')
                await cleanup.sleep(10)
                steps.push('never')
              },
              { scope, shield: true },
            )
            steps.push('left')
          }
        },
        { scope: root },
      ),
    )
    root.cancel()
    await clock.advance(10)
    expect(steps).toEqual(['closed', 'left'])
    expect(running.error).toBe(root.cancelled())
  })
})

describe('moveOnAfter', () => {
  it('gives the result when it is there in time', async () => {
    const running = track(moveOnAfter(10, scope => scope.sleep(5).then(() => 'here'), { scope: root }))
    await clock.advance(5)
    expect(running.value).toBe('here')
  })

  it('swallows its own expiry', async () => {
    let kept: CancelScope | undefined
    const running = track(
      moveOnAfter(
        10,
        scope => {
          kept = scope
          return scope.sleep(15)
        },
        { scope: root },
      ),
    )
    await clock.advance(9)
    expect(running.state).toBe('pending')
    await clock.advance(1)
    expect(running).toEqual({ state: 'fulfilled', value: undefined })
    expect(kept!.cancelledCaught).toBe(true)
  })

  it('does not swallow an earlier deadline around it', async () => {
    const running = track(
      moveOnAfter(
        5,
        outer => moveOnAfter(10, inner => inner.forever(), { scope: outer }).then(() => 'inner'),
        {
          scope: root,
        },
      ),
    )
    await clock.advance(20)
    expect(running).toEqual({ state: 'fulfilled', value: undefined })
  })

  it('can have its deadline moved by the body', async () => {
    const running = track(
      moveOnAfter(
        10,
        async scope => {
          scope.deadline += 10
          await scope.sleep(15)
          return 'here'
        },
        { clock },
      ),
    )
    await clock.advance(15)
    expect(running.value).toBe('here')
  })
})

describe('failAfter', () => {
  it('gives the result when it is there in time', async () => {
    const running = track(failAfter(10, scope => scope.sleep(5).then(() => 'here'), { scope: root }))
    await clock.advance(5)
    expect(running.value).toBe('here')
  })

  it('makes an error of its own expiry, which names the work and its time', async () => {
    const running = track(failAfter(10, scope => scope.forever(), { scope: root, name: 'the question' }))
    await clock.advance(10)
    expect(running.error).toMatchObject({
      code: 'EXO_DEADLINE_EXCEEDED',
      message: 'the question took longer than 10 ms',
      details: { timeout: 10 },
      cause: { code: 'EXO_ABORTED' },
    })
  })

  it('makes none of an earlier deadline around it', async () => {
    let inside: unknown
    const running = track(
      moveOnAfter(
        5,
        outer =>
          failAfter(10, inner => inner.forever(), { scope: outer }).catch(error => {
            inside = error
            throw error
          }),
        { scope: root },
      ),
    )
    await clock.advance(20)
    expect(inside).toMatchObject({ code: 'EXO_ABORTED', cause: { code: 'EXO_DEADLINE_EXCEEDED' } })
    expect(running.state).toBe('fulfilled')
  })

  it('makes none when the body was done in spite of it', async () => {
    const running = track(failAfter(10, () => root.sleep(20).then(() => 'late'), { scope: root }))
    await clock.advance(20)
    expect(running.value).toBe('late')
  })

  it('throws what the body throws, also when its time is over', async () => {
    const fault = new Error('broken')
    const running = track(
      failAfter(
        10,
        async () => {
          await root.sleep(20)
          throw fault
        },
        { scope: root },
      ),
    )
    await clock.advance(20)
    expect(running.error).toBe(fault)
  })

  it('throws the cancellation when somebody cancels its scope by hand, since there is nothing to give', async () => {
    let kept: CancelScope | undefined
    const running = failAfter(
      10,
      scope => {
        kept = scope
        scope.cancel('changed my mind')
        return scope.forever()
      },
      { clock },
    )
    expect((await outcome(running)).error).toBe(kept!.cancelled())
    expect(kept!.cancelledCaught).toBe(true)
  })
})
