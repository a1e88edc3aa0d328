import { describe, expect, it } from 'vitest'
import { Cancelled, type CancelSource } from '../../src/concurrency/cancellation.ts'
import { Lock, withLock } from '../../src/concurrency/lock.ts'
import { aborted, codeOf, listeners, outcome, settled } from './outcome.ts'

const names = (count: number) => Array.from({ length: count }, (_, index) => ({ name: index }))

describe('Lock', () => {
  it('is fair: goes from hand to hand in the order in which they came', async () => {
    const lock = new Lock()
    const [first, second, third] = names(3) as [object, object, object]
    await lock.acquire(first)
    const order: object[] = []
    const waits = [second, third].map(async owner => {
      await lock.acquire(owner)
      order.push(owner)
    })
    await settled()
    expect(lock.waiting).toBe(2)
    lock.release(first)
    // Nobody comes between: it belongs to the second before that one has run.
    expect(lock.owner).toBe(second)
    expect(codeOf(() => lock.tryAcquire({}))).toBe('EXO_WOULD_BLOCK')
    await settled()
    expect(order).toEqual([second])
    lock.release(second)
    await Promise.all(waits)
    expect(order).toEqual([second, third])
    lock.release(third)
    expect(lock.isLocked).toBe(false)
    expect(lock.owner).toBeUndefined()
    expect(lock.waiting).toBe(0)
  })

  it('is not re-entrant: an error instead of a wait for oneself', async () => {
    const lock = new Lock()
    const owner = {}
    await lock.acquire(owner)
    await expect(lock.acquire(owner)).rejects.toMatchObject({
      code: 'EXO_LOCK_MISUSE',
      message: 'the lock was acquired by somebody who holds it already: waiting would never end',
    })
    expect(codeOf(() => lock.tryAcquire(owner))).toBe('EXO_LOCK_MISUSE')
    expect(lock.isLocked).toBe(true)
    lock.release(owner)
    await lock.acquire(owner)
  })

  it('is awaited once by each owner', async () => {
    const lock = new Lock()
    const [first, second] = names(2) as [object, object]
    await lock.acquire(first)
    const waiting = lock.acquire(second)
    await expect(lock.acquire(second)).rejects.toThrow('by somebody who waits for it already')
    expect(lock.waiting).toBe(1)
    lock.release(first)
    await waiting
    lock.release(second)
    await lock.acquire(second)
  })

  it('is released by its owner only, and only once', async () => {
    const lock = new Lock()
    const owner = {}
    await lock.acquire(owner)
    expect(() => lock.release({})).toThrow('the lock was released by somebody who does not hold it')
    expect(lock.owner).toBe(owner)
    lock.release(owner)
    expect(codeOf(() => lock.release(owner))).toBe('EXO_LOCK_MISUSE')
  })

  it('is taken without a wait only when it is free', () => {
    const lock = new Lock()
    lock.tryAcquire({})
    expect(() => lock.tryAcquire({})).toThrow('the lock is not free: 1 in use')
    expect(codeOf(() => lock.tryAcquire({}))).toBe('EXO_WOULD_BLOCK')
  })

  it('passes over a wait that was cancelled, and leaves no listener', async () => {
    const lock = new Lock()
    const [first, second, third] = names(3) as [object, object, object]
    await lock.acquire(first)
    const abort = new AbortController()
    const cancelled = outcome(lock.acquire(second, abort.signal))
    const patient = new AbortController()
    const next = outcome(lock.acquire(third, patient.signal))
    abort.abort()
    await settled()
    expect([cancelled.said, next.said]).toEqual(['EXO_ABORTED', 'waits'])
    lock.release(first)
    await settled()
    expect(next.said).toBe('done')
    expect(lock.owner).toBe(third)
    expect(listeners(patient.signal)).toBe(0)
  })

  it('may be awaited anew by who was cancelled, within the cancelling already', async () => {
    const lock = new Lock()
    const [first, second] = names(2) as [object, object]
    await lock.acquire(first)
    const abort = new AbortController()
    const cancelled = outcome(lock.acquire(second, abort.signal))
    abort.abort()
    const again = outcome(lock.acquire(second))
    lock.release(first)
    await settled()
    expect([cancelled.said, again.said]).toEqual(['EXO_ABORTED', 'done'])
  })

  it('stays with who got it before he was cancelled', async () => {
    const lock = new Lock()
    const [first, second] = names(2) as [object, object]
    await lock.acquire(first)
    const abort = new AbortController()
    const granted = outcome(lock.acquire(second, abort.signal))
    lock.release(first)
    abort.abort()
    await settled()
    expect(granted.said).toBe('done')
    expect(lock.owner).toBe(second)
  })

  it('refuses who is cancelled already, also when it is free', async () => {
    const lock = new Lock()
    await expect(lock.acquire({}, aborted())).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    expect(lock.isLocked).toBe(false)
  })

  it('takes an owner that can be cancelled as the cancellation, unless it is given another', async () => {
    const lock = new Lock()
    await lock.acquire({})
    const abort = new AbortController()
    const bySignal = outcome(lock.acquire(abort.signal))
    abort.abort()
    const error = new Cancelled('the task', undefined)
    const source: CancelSource = { isCancelled: true, cancelled: () => error, onCancel: () => () => {} }
    await expect(lock.acquire(source)).rejects.toBe(error)
    const other = new AbortController()
    const byOther = outcome(lock.acquire(source, other.signal))
    await settled()
    expect([bySignal.said, byOther.said]).toEqual(['EXO_ABORTED', 'waits'])
    expect(lock.waiting).toBe(1)
  })

  it('takes no object for a cancellation that only looks a little like one', async () => {
    const lock = new Lock()
    await lock.acquire({ onCancel: () => undefined, isCancelled: true })
    const waiting = outcome(lock.acquire({ cancelled: () => undefined }))
    await settled()
    expect(waiting.said).toBe('waits')
  })
})

describe('withLock', () => {
  it('holds the lock for as long as the work lasts, and gives its result', async () => {
    const lock = new Lock()
    const owner = {}
    const seen: unknown[] = []
    const work = async () => {
      seen.push(lock.owner)
      await settled()
      seen.push(lock.owner)
      return 5
    }
    expect(await withLock(lock, work, owner)).toBe(5)
    expect(seen).toEqual([owner, owner])
    expect(lock.isLocked).toBe(false)
  })

  it('releases the lock when the work throws', async () => {
    const lock = new Lock()
    const broken = () => {
      throw new Error('broken')
    }
    await expect(withLock(lock, broken, {})).rejects.toThrow('broken')
    await expect(withLock(lock, async () => broken(), {})).rejects.toThrow('broken')
    expect(lock.isLocked).toBe(false)
  })

  it('does no work and releases nothing when its wait is cancelled', async () => {
    const lock = new Lock()
    const owner = {}
    await lock.acquire(owner)
    const abort = new AbortController()
    let didWork = false
    const work = () => {
      didWork = true
    }
    const waiting = outcome(withLock(lock, work, {}, abort.signal))
    abort.abort()
    await settled()
    expect(waiting.said).toBe('EXO_ABORTED')
    expect(didWork).toBe(false)
    expect(lock.owner).toBe(owner)
  })

  it('cannot lock itself out: within itself it throws', async () => {
    const lock = new Lock()
    const owner = {}
    const nested = withLock(lock, () => withLock(lock, () => 'never', owner), owner)
    await expect(nested).rejects.toMatchObject({ code: 'EXO_LOCK_MISUSE' })
    expect(lock.isLocked).toBe(false)
  })
})
