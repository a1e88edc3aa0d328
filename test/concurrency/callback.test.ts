import { describe, expect, it } from 'vitest'
import { AsyncCallback, type CallbackOptions } from '../../src/concurrency/callback.ts'
import { deferred } from '../../src/concurrency/deferred.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { codeOf, outcome, settled } from './outcome.ts'

function setup(options: Partial<CallbackOptions<number>> = {}) {
  const faults: [error: unknown, value: number][] = []
  const clock = new VirtualClock()
  const onError = (error: unknown, value: number) => void faults.push([error, value])
  const callback = new AsyncCallback<number>({ onError, clock, name: 'tokens', ...options })
  return { callback, clock, faults }
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

const broken = (text = 'broken') => {
  throw new Error(text)
}

describe('onNext', () => {
  it('calls its handlers within set, in the order of their registration', () => {
    const { callback } = setup()
    const seen: string[] = []
    callback.onNext(value => seen.push(`first ${value}`))
    callback.onNext(value => seen.push(`second ${value}`))
    void callback.set(1)
    void callback.set(2)
    expect(seen).toEqual(['first 1', 'second 1', 'first 2', 'second 2'])
  })

  it('takes no offence at what a handler gives, be it nothing, null or a value', async () => {
    const { callback, faults } = setup()
    callback.onNext(() => undefined)
    callback.onNext(() => null)
    callback.onNext(value => value)
    await callback.set(1)
    expect(faults).toEqual([])
  })

  it('tells the values that a handler sets in turn after the one at hand, so that all hear the same order', async () => {
    const { callback } = setup()
    const seen: string[] = []
    callback.onNext(value => {
      if (value < 3) void callback.set(value + 1)
    })
    callback.onNext(value => seen.push(`second ${value}`))
    await callback.set(1)
    expect(seen).toEqual(['second 1', 'second 2', 'second 3'])
    expect(callback.last).toBe(3)
  })

  it('makes set wait for a handler that is async, also one that sets a value and waits for that', async () => {
    const { callback } = setup()
    const gate = deferred<void>()
    callback.onNext(async value => {
      if (value === 1) await callback.set(2)
      await gate.promise
    })
    const setting = outcome(callback.set(1))
    await settled()
    expect(setting.said).toBe('waits')
    gate.resolve()
    await settled()
    expect(setting.said).toBe('done')
  })

  it('calls the handlers behind an async one without waiting for it', () => {
    const { callback } = setup()
    callback.onNext(() => new Promise(() => undefined))
    const seen: number[] = []
    callback.onNext(value => seen.push(value))
    void callback.set(1)
    void callback.set(2)
    expect(seen).toEqual([1, 2])
  })

  it('takes the same function twice, and each back on its own', () => {
    const { callback } = setup()
    const seen: number[] = []
    const note = (value: number) => seen.push(value)
    const stop = callback.onNext(note)
    callback.onNext(note)
    void callback.set(1)
    stop()
    stop()
    void callback.set(2)
    expect(seen).toEqual([1, 1, 2])
  })

  it('lets a handler unsubscribe itself or another while a value is told', () => {
    const { callback } = setup()
    const seen: string[] = []
    const stops: (() => void)[] = []
    stops.push(
      callback.onNext(value => {
        seen.push(`first ${value}`)
        for (const stop of stops) stop()
      }),
    )
    stops.push(callback.onNext(value => seen.push(`second ${value}`)))
    callback.onNext(value => seen.push(`third ${value}`))
    void callback.set(1)
    void callback.set(2)
    expect(seen).toEqual(['first 1', 'third 1', 'third 2'])
  })

  it('tells a handler that comes while a value is told the next one only', () => {
    const { callback } = setup()
    const seen: number[] = []
    const stop = callback.onNext(() => {
      stop()
      callback.onNext(value => seen.push(value))
    })
    void callback.set(1)
    expect(seen).toEqual([])
    void callback.set(2)
    expect(seen).toEqual([2])
  })

  it('keeps no setter waiting for a handler that has been unsubscribed, however it ends', async () => {
    const { callback, faults } = setup()
    const gate = deferred<void>()
    const stop = callback.onNext(() => gate.promise)
    const settings = [outcome(callback.set(1)), outcome(callback.set(2))]
    stop()
    await settled()
    expect(settings.map(({ said }) => said)).toEqual(['done', 'done'])
    gate.reject(new Error('late'))
    await settled()
    expect(faults).toEqual([
      [new Error('late'), 1],
      [new Error('late'), 2],
    ])
  })
})

describe('onNextAsync', () => {
  it('calls its handler with one value at a time, in order', async () => {
    const { callback } = setup()
    const seen: string[] = []
    callback.onNextAsync(async value => {
      seen.push(`begins ${value}`)
      await settled()
      seen.push(`ends ${value}`)
    })
    await Promise.all([callback.set(1), callback.set(2)])
    for (let turn = 0; turn < 4; turn += 1) await settled()
    expect(seen).toEqual(['begins 1', 'ends 1', 'begins 2', 'ends 2'])
  })

  it('never runs in the stack of the setter, also when it is sync and idle', async () => {
    const { callback } = setup()
    const seen: number[] = []
    callback.onNextAsync(value => seen.push(value))
    void callback.set(1)
    expect(seen).toEqual([])
    await settled()
    expect(seen).toEqual([1])
    void callback.set(2)
    expect(seen).toEqual([1])
    await settled()
    expect(seen).toEqual([1, 2])
  })

  it('tells by the promise of set when a slow handler has room, and loses nothing', async () => {
    const { callback, faults } = setup()
    const gate = deferred<void>()
    const seen: number[] = []
    callback.onNextAsync(
      async value => {
        seen.push(value)
        await gate.promise
      },
      { capacity: 2 },
    )
    void callback.set(0)
    await settled()
    const settings = numbers(4).map(index => outcome(callback.set(index + 1)))
    await settled()
    expect(settings.map(({ said }) => said)).toEqual(['done', 'done', 'waits', 'waits'])
    gate.resolve()
    await settled()
    expect(settings.map(({ said }) => said)).toEqual(['done', 'done', 'done', 'done'])
    expect(seen).toEqual([0, 1, 2, 3, 4])
    expect(faults).toEqual([])
  })

  it('lets setters go one by one, as room comes', async () => {
    const { callback } = setup()
    const gates = numbers(5).map(() => deferred<void>())
    callback.onNextAsync(value => gates[value]?.promise, { capacity: 1 })
    void callback.set(0)
    await settled()
    const settings = [outcome(callback.set(1)), outcome(callback.set(2))]
    await settled()
    expect(settings.map(({ said }) => said)).toEqual(['done', 'waits'])
    gates[0]?.resolve()
    await settled()
    expect(settings.map(({ said }) => said)).toEqual(['done', 'done'])
    const further = outcome(callback.set(3))
    await settled()
    expect(further.said).toBe('waits')
  })

  it('refuses with EXO_MAILBOX_FULL what is beyond all bounds, tells it, and tells the others the value', async () => {
    const { callback, faults } = setup()
    const gate = deferred<void>()
    const slow: number[] = []
    callback.onNextAsync(
      async value => {
        slow.push(value)
        await gate.promise
      },
      { capacity: 1 },
    )
    const quick: number[] = []
    callback.onNext(value => quick.push(value))
    void callback.set(0)
    await settled()
    void callback.set(1)
    void callback.set(2)
    await expect(callback.set(3)).rejects.toMatchObject({
      code: 'EXO_MAILBOX_FULL',
      message: 'a handler of tokens is too slow: 2 values wait for it',
    })
    expect(faults).toMatchObject([[{ code: 'EXO_MAILBOX_FULL' }, 3]])
    gate.resolve()
    await settled()
    await callback.set(4)
    await settled()
    expect(slow).toEqual([0, 1, 2, 4])
    expect(quick).toEqual([0, 1, 2, 3, 4])
  })

  it('with the overflow reject never makes a setter wait', async () => {
    const { callback } = setup()
    callback.onNextAsync(() => new Promise(() => undefined), { capacity: 2, overflow: 'reject' })
    void callback.set(0)
    await settled()
    const settings = numbers(3).map(index => outcome(callback.set(index + 1)))
    await settled()
    expect(settings.map(({ said }) => said)).toEqual(['done', 'done', 'EXO_MAILBOX_FULL'])
  })

  it('holds 1024 values unless its subscriber says otherwise', async () => {
    const { callback } = setup()
    callback.onNextAsync(() => new Promise(() => undefined))
    void callback.set(0)
    await settled()
    const settings = numbers(1_025).map(index => outcome(callback.set(index)))
    await settled()
    expect(settings.filter(({ said }) => said === 'waits')).toHaveLength(1)
    expect(settings.at(-1)?.said).toBe('waits')
  })

  it('rejects of set that nobody awaits are no unhandled ones', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', note)
    const { callback, faults } = setup()
    for (const _ of numbers(2))
      callback.onNextAsync(() => new Promise(() => undefined), { capacity: 1, overflow: 'reject' })
    for (const value of numbers(4)) void callback.set(value)
    callback.close()
    void callback.set(5)
    await settled()
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
    expect(faults).toHaveLength(6)
  })

  it('ends at once when it is unsubscribed: its queue is dropped and its setters go on', async () => {
    const { callback } = setup()
    const gate = deferred<void>()
    const seen: number[] = []
    const stop = callback.onNextAsync(
      async value => {
        seen.push(value)
        await gate.promise
      },
      { capacity: 1 },
    )
    void callback.set(1)
    await settled()
    void callback.set(2)
    const waiting = outcome(callback.set(3))
    stop()
    await settled()
    expect(waiting.said).toBe('done')
    gate.resolve()
    await settled()
    await callback.set(4)
    expect(seen).toEqual([1])
  })

  it('does not hear a value that was set in the breath in which it was unsubscribed', async () => {
    const { callback } = setup()
    const seen: number[] = []
    const stop = callback.onNextAsync(value => seen.push(value))
    void callback.set(1)
    stop()
    await settled()
    expect(seen).toEqual([])
  })

  it('takes a whole capacity from 1 only', () => {
    const { callback } = setup()
    expect(() => callback.onNextAsync(() => undefined, { capacity: 0 })).toThrow(
      'the capacity of a handler of tokens is 0, expected a whole number from 1',
    )
    expect(callback.onNextAsync(() => undefined, { capacity: 1 })).toBeTypeOf('function')
  })
})

describe('an error of a handler', () => {
  it('is told with its value, sync or async, and stops no other handler', async () => {
    const { callback, faults } = setup()
    const seen: number[] = []
    callback.onNext(() => broken('sync'))
    callback.onNext(async () => broken('async'))
    callback.onNextAsync(() => broken('sync in a queue'))
    callback.onNextAsync(async () => broken('async in a queue'))
    callback.onNext(value => seen.push(value))
    await callback.set(1)
    await settled()
    await callback.set(2)
    await settled()
    expect(seen).toEqual([1, 2])
    const told = faults.map(([error, value]) => `${(error as Error).message} ${value}`)
    expect(told.filter(text => text.endsWith('1')).sort()).toEqual([
      'async 1',
      'async in a queue 1',
      'sync 1',
      'sync in a queue 1',
    ])
    expect(faults).toHaveLength(8)
  })

  it('does no harm when onError throws too, now or later', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', note)
    const sync = setup({ onError: () => broken('no log') })
    const late = setup({ onError: async () => broken('no log') })
    const seen: number[] = []
    for (const { callback } of [sync, late]) {
      callback.onNext(() => broken())
      callback.onNextAsync(() => broken())
      callback.onNext(value => seen.push(value))
      await callback.set(1)
      await callback.set(2)
    }
    await settled()
    process.off('unhandledRejection', note)
    expect(seen).toEqual([1, 2, 1, 2])
    expect(unhandled).toEqual([])
  })
})

describe('wait', () => {
  it('sees the last value at once', async () => {
    const { callback } = setup()
    await callback.set(4)
    expect(await callback.wait(value => value === 4)).toBe(4)
    expect(callback.last).toBe(4)
  })

  it('looks at no value before the first', async () => {
    const { callback } = setup()
    const asked: unknown[] = []
    const waiting = outcome(
      callback.wait(value => {
        asked.push(value)
        return true
      }),
    )
    await settled()
    expect([waiting.said, asked, callback.last]).toEqual(['waits', [], undefined])
    void callback.set(7)
    await settled()
    expect([waiting.said, asked]).toEqual(['gave 7', [7]])
  })

  it('can leave the last value out, which may be an old one', async () => {
    const { callback } = setup()
    await callback.set(4)
    const waiting = callback.wait(() => true, { onlyNew: true })
    await settled()
    await callback.set(5)
    expect(await waiting).toBe(5)
  })

  it('gives the first value that satisfies it, also when others follow in the same burst', async () => {
    const { callback } = setup()
    const waiting = callback.wait(value => value % 5 === 4)
    for (const value of numbers(10)) void callback.set(value)
    expect(await waiting).toBe(4)
  })

  it('asks a condition that answers at once within set, and not any more once it was satisfied', async () => {
    const { callback } = setup()
    const asked: number[] = []
    const waiting = callback.wait(value => asked.push(value) === 3)
    for (const value of numbers(5_000)) void callback.set(value)
    expect(asked).toEqual([0, 1, 2])
    expect(await waiting).toBe(2)
  })

  it('asks an async condition of one value after the other, every value of a burst', async () => {
    const { callback } = setup()
    const asked: string[] = []
    const waiting = callback.wait(async value => {
      asked.push(`asked ${value}`)
      await settled()
      asked.push(`answered ${value}`)
      return value === 2
    })
    for (const value of numbers(10)) void callback.set(value)
    expect(await waiting).toBe(2)
    expect(asked).toEqual(['asked 0', 'answered 0', 'asked 1', 'answered 1', 'asked 2', 'answered 2'])
    await settled()
    expect(asked).toHaveLength(6)
  })

  it('asks a condition that is sometimes async in the order of the values, too', async () => {
    const { callback } = setup()
    const gate = deferred<boolean>()
    const waiting = outcome(callback.wait(value => (value === 0 ? gate.promise : value > 0)))
    for (const value of numbers(3)) void callback.set(value)
    await settled()
    expect(waiting.said).toBe('waits')
    gate.resolve(false)
    await settled()
    expect(waiting.said).toBe('gave 1')
  })

  it('goes on within set after a condition has thought', async () => {
    const { callback } = setup()
    const asked: number[] = []
    const waiting = outcome(
      callback.wait(value => {
        asked.push(value)
        return value === 0 ? Promise.resolve(false) : false
      }),
    )
    void callback.set(0)
    await settled()
    void callback.set(1)
    expect(asked).toEqual([0, 1])
    await settled()
    expect(waiting.said).toBe('waits')
  })

  it('throws what the condition throws, now or later, and asks it no more', async () => {
    const { callback, faults } = setup()
    const asked: number[] = []
    const sync = outcome(
      callback.wait(value => {
        asked.push(value)
        return broken('sync')
      }),
    )
    const late = outcome(callback.wait(async () => broken('late')))
    const behind = outcome(callback.wait(value => (value === 1 ? Promise.resolve(false) : broken('behind'))))
    void callback.set(1)
    void callback.set(2)
    await settled()
    expect([sync.said, late.said, behind.said]).toEqual(['Error: sync', 'Error: late', 'Error: behind'])
    expect(asked).toEqual([1])
    expect(faults).toEqual([])
  })

  it('bounds the values for which an async condition has no answer yet', async () => {
    const { callback } = setup()
    const waiting = outcome(callback.wait(() => new Promise(() => undefined), { capacity: 2 }))
    for (const value of numbers(3)) void callback.set(value)
    await settled()
    expect(waiting.said).toBe('waits')
    void callback.set(3)
    await settled()
    expect(waiting.said).toBe('EXO_MAILBOX_FULL')
    await expect(callback.wait(() => true, { capacity: 0 })).rejects.toThrow(
      'the capacity of a wait for tokens is 0, expected a whole number from 1',
    )
  })

  it('never keeps a setter waiting', async () => {
    const { callback } = setup()
    const waiting = outcome(callback.wait(() => new Promise(() => undefined)))
    await callback.set(1)
    await callback.set(2)
    expect(waiting.said).toBe('waits')
  })

  it('gives up with EXO_DEADLINE_EXCEEDED after its timeout, and leaves no timer', async () => {
    const { callback, clock } = setup()
    const asked: number[] = []
    const waiting = outcome(callback.wait(value => asked.push(value) < 0, { timeout: 50 }))
    await clock.advance(49)
    expect(waiting.said).toBe('waits')
    await clock.advance(1)
    expect(waiting.said).toBe('EXO_DEADLINE_EXCEEDED')
    await callback.set(1)
    expect(asked).toEqual([])
    const late = callback.wait(() => false, { timeout: 20 })
    const text = expect(late).rejects.toThrow('no value of tokens satisfied the condition within 20 ms')
    await clock.advance(20)
    await text
    await callback.wait(() => true, { timeout: 1_000 })
    expect(clock.pending).toBe(0)
  })

  it('gives up when it is cancelled, also before, and asks its condition no more', async () => {
    const { callback } = setup()
    const abort = new AbortController()
    const asked: number[] = []
    const gate = deferred<boolean>()
    const cancelled = outcome(
      callback.wait(
        value => {
          asked.push(value)
          return gate.promise
        },
        { cancellation: abort.signal },
      ),
    )
    void callback.set(1)
    void callback.set(2)
    abort.abort(new Error('stop'))
    await settled()
    expect(cancelled.said).toBe('EXO_ABORTED')
    gate.resolve(false)
    await settled()
    void callback.set(3)
    expect(asked).toEqual([1])
    const note = (value: number) => asked.push(value) > 0
    await expect(callback.wait(note, { cancellation: abort.signal })).rejects.toMatchObject({
      code: 'EXO_ABORTED',
    })
    expect(asked).toEqual([1])
  })
})

describe('a closed callback', () => {
  it('ends all waits and takes no value, no handler and no wait any more', async () => {
    const { callback } = setup()
    const waiting = outcome(callback.wait(() => false))
    const heard: number[] = []
    callback.onNext(value => heard.push(value))
    expect(callback.isClosed).toBe(false)
    callback.close()
    callback.close()
    expect(callback.isClosed).toBe(true)
    await settled()
    expect(waiting.said).toBe('EXO_RESOURCE_CLOSED')
    await expect(callback.set(1)).rejects.toThrow('tokens is closed')
    expect(heard).toEqual([])
    expect(codeOf(() => callback.onNext(() => undefined))).toBe('EXO_RESOURCE_CLOSED')
    expect(codeOf(() => callback.onNextAsync(() => undefined))).toBe('EXO_RESOURCE_CLOSED')
    await expect(callback.wait(() => true)).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
  })

  it('has told what was set before: queues are emptied by their handlers', async () => {
    const { callback } = setup()
    const seen: number[] = []
    callback.onNextAsync(async value => {
      await settled()
      seen.push(value)
    })
    for (const value of numbers(3)) void callback.set(value)
    callback.close()
    for (let turn = 0; turn < 5; turn += 1) await settled()
    expect(seen).toEqual([0, 1, 2])
  })

  it('is called the callback unless it has a name', async () => {
    const callback = new AsyncCallback<number>({ onError: () => undefined })
    callback.close()
    await expect(callback.set(1)).rejects.toThrow('the callback is closed')
  })
})

describe('what the original lost', () => {
  it('a checker sees 10 of 10 values that are set in one tick', async () => {
    const { callback } = setup()
    const checked: number[] = []
    const waiting = callback.wait(async value => {
      checked.push(value)
      return value === 9
    })
    for (const value of numbers(10)) void callback.set(value)
    expect(await waiting).toBe(9)
    expect(checked).toEqual(numbers(10))
  })

  it('10 of 10 broadcasts arrive, in order, when a send takes 50 ms and tokens come every 10 ms', async () => {
    const { callback, clock } = setup()
    const sent: number[] = []
    callback.onNextAsync(
      token =>
        new Promise<void>(resolve => {
          clock.setTimeout(() => {
            sent.push(token)
            resolve()
          }, 50)
        }),
    )
    for (const token of numbers(10)) clock.setTimeout(() => void callback.set(token), 10 * token)
    await clock.advance(500)
    expect(sent).toEqual(numbers(10))
  })

  it('one dead peer delays nobody: the others get each value when it is set', async () => {
    const { callback } = setup()
    const alive: number[] = []
    callback.onNextAsync(() => new Promise(() => undefined))
    callback.onNextAsync(value => alive.push(value))
    for (const value of numbers(20)) {
      await callback.set(value)
      await settled()
      expect(alive.at(-1)).toBe(value)
    }
  })
})
