import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { gather } from '../../src/concurrency/gather.ts'
import { CancelScope } from '../../src/concurrency/scope.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { outcome, track } from './tracked.ts'

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

const later =
  <T>(ms: number, value: T) =>
  (scope: CancelScope) =>
    scope.sleep(ms).then(() => value)

describe('gather', () => {
  it('gives results in the order of the call, whichever work ends first', async () => {
    const running = track(gather([later(30, 'a'), later(10, 'b'), later(20, 'c')], { scope: root }))
    await clock.advance(30)
    expect(running.value).toEqual(['a', 'b', 'c'])
  })

  it('gives each result its own type, and takes works that wait for nothing', async () => {
    const [count, text]: [number, string] = await gather([() => 1, async () => 'two'])
    expect([count, text]).toEqual([1, 'two'])
    expect(await gather([])).toEqual([])
  })

  it('runs all at a time, or as many as it may', async () => {
    let running = 0
    let most = 0
    const begun: number[] = []
    const works = Array.from({ length: 10 }, (_, index) => async (scope: CancelScope) => {
      begun.push(index)
      running += 1
      most = Math.max(most, running)
      await scope.sleep(10 - index)
      running -= 1
      return index
    })
    const all = track(gather(works, { scope: root }))
    await clock.advance(10)
    expect([most, all.state]).toEqual([10, 'fulfilled'])
    most = 0
    begun.length = 0
    const some = track(gather(works, { scope: root, limit: 3 }))
    await clock.advance(100)
    expect(most).toBe(3)
    expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(some.value).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it.each([0, -1, 1.5, Number.NaN])('refuses a limit of %d', async limit => {
    expect((await outcome(gather([], { limit }))).error).toMatchObject({ code: 'EXO_OPTION_INVALID' })
  })

  it('cancels the rest at the first failure, begins no more, and throws all failures', async () => {
    const steps: string[] = []
    const running = track(
      gather(
        [
          scope => scope.forever().finally(() => steps.push('cancelled')),
          async scope => {
            await scope.sleep(5)
            throw new Error('broken')
          },
          () => steps.push('never begun'),
        ],
        { scope: root, limit: 2 },
      ),
    )
    await clock.advance(5)
    expect(steps).toEqual(['cancelled'])
    expect(running.error).toMatchObject({ code: 'EXO_TASKS_FAILED', errors: [new Error('broken')] })
  })

  it('begins no work after a failure, though a work before it ends well', async () => {
    let begun = false
    const running = track(
      gather(
        [
          () => root.sleep(10),
          async scope => {
            await scope.sleep(5)
            throw new Error('broken')
          },
          () => {
            begun = true
          },
        ],
        { scope: root, limit: 2 },
      ),
    )
    await clock.advance(10)
    expect(running.error).toMatchObject({ errors: [new Error('broken')] })
    expect(begun).toBe(false)
  })

  it('throws what cancelled it from outside, also when no work had noticed', async () => {
    const noticed = track(gather([later(5, 1)], { scope: root }))
    const unnoticed = track(
      gather([() => new Promise<void>(resolve => clock.setTimeout(resolve, 5)), () => 2], {
        scope: root,
        limit: 1,
      }),
    )
    await clock.settle()
    root.cancel()
    await clock.advance(5)
    expect(noticed.error).toBe(root.cancelled())
    expect(unnoticed.error).toBe(root.cancelled())
  })

  it('begins nothing when it is cancelled already', async () => {
    root.cancel()
    const error = (await outcome(gather([() => expect.unreachable()], { scope: root }))).error
    expect(error).toBe(root.cancelled())
  })

  it('leaves no place empty: a work that was cancelled by somebody else ends it', async () => {
    const other = new CancelScope({ clock })
    other.cancel('over there')
    const running = track(
      gather([later(5, 1), () => other.checkpoint(), scope => scope.forever()], { scope: root }),
    )
    await clock.settle()
    expect(running.error).toBe(other.cancelled())
  })

  it('names itself and its works in messages', async () => {
    const names: string[] = []
    const note = (scope: CancelScope) => void names.push(scope.name)
    await gather([note, note], { name: 'the readings' })
    await gather([note])
    expect(names).toEqual([
      'work 1 of the readings',
      'work 2 of the readings',
      'work 1 of the gathered works',
    ])
  })
})
