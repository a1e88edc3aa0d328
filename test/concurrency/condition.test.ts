import { describe, expect, it } from 'vitest'
import { Condition } from '../../src/concurrency/condition.ts'
import { Lock, withLock } from '../../src/concurrency/lock.ts'
import { aborted, codeOf, listeners, outcome, settled } from './outcome.ts'

/** So many who wait for the condition, each in a flow of his own; the order in which they go on. */
function waiters(condition: Condition, count: number, signal?: AbortSignal) {
  const order: number[] = []
  const ended = Array.from({ length: count }, (_, number) => {
    const owner = { number }
    const wait = async () => {
      await condition.wait(owner, signal)
      expect(condition.lock.owner).toBe(owner)
      order.push(number)
    }
    return outcome(withLock(condition.lock, wait, owner))
  })
  return { order, ended }
}

const notify = (condition: Condition, count?: number) => {
  const owner = {}
  return withLock(condition.lock, () => condition.notify(owner, count), owner)
}

describe('Condition', () => {
  it('releases the lock while it waits, and has it again afterwards', async () => {
    const condition = new Condition()
    const { order } = waiters(condition, 1)
    await settled()
    expect(condition.waiting).toBe(1)
    expect(condition.lock.isLocked).toBe(false)
    await notify(condition)
    await settled()
    expect(order).toEqual([0])
    expect(condition.waiting).toBe(0)
    expect(condition.lock.isLocked).toBe(false)
  })

  it('wakes as many as are notified, first come, first served; one by default', async () => {
    const condition = new Condition()
    const { order } = waiters(condition, 6)
    await settled()
    await notify(condition)
    await settled()
    expect(order).toEqual([0])
    await notify(condition, 2)
    await settled()
    expect(order).toEqual([0, 1, 2])
    await notify(condition, 0)
    await settled()
    expect(order).toEqual([0, 1, 2])
    const owner = {}
    await withLock(condition.lock, () => condition.notifyAll(owner), owner)
    await settled()
    expect(order).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('keeps no notification for those who come later', async () => {
    const condition = new Condition()
    await notify(condition, 5)
    const { order } = waiters(condition, 1)
    await settled()
    expect(order).toEqual([])
  })

  it('re-acquires the lock even when cancelled', async () => {
    const condition = new Condition()
    const abort = new AbortController()
    const owner = {}
    const seen: string[] = []
    const wait = async () => {
      try {
        await condition.wait(owner, abort.signal)
      } finally {
        seen.push(condition.lock.owner === owner ? 'holds the lock' : 'does not')
      }
    }
    const waiting = outcome(withLock(condition.lock, wait, owner))
    await settled()
    const holder = {}
    await condition.lock.acquire(holder)
    abort.abort()
    await settled()
    expect(waiting.said).toBe('waits')
    condition.lock.release(holder)
    await settled()
    expect(waiting.said).toBe('EXO_ABORTED')
    expect(seen).toEqual(['holds the lock'])
    expect(condition.lock.isLocked).toBe(false)
    expect(condition.waiting).toBe(0)
  })

  it('re-acquires the lock also when its owner is the scope that is cancelled', async () => {
    const condition = new Condition()
    const abort = new AbortController()
    const waiting = outcome(
      withLock(condition.lock, () => condition.wait(abort.signal, abort.signal), abort.signal),
    )
    await settled()
    abort.abort()
    await settled()
    expect(waiting.said).toBe('EXO_ABORTED')
    expect(condition.lock.isLocked).toBe(false)
  })

  it('spends no notification on who was cancelled before, and none that came before is taken back', async () => {
    const condition = new Condition()
    const abort = new AbortController()
    const first = waiters(condition, 1, abort.signal)
    const second = waiters(condition, 1)
    await settled()
    abort.abort()
    await notify(condition)
    await settled()
    expect([first.ended[0]?.said, second.ended[0]?.said]).toEqual(['EXO_ABORTED', 'done'])

    const late = new AbortController()
    const third = waiters(condition, 1, late.signal)
    await settled()
    const owner = {}
    await withLock(
      condition.lock,
      () => {
        condition.notify(owner)
        late.abort()
      },
      owner,
    )
    await settled()
    expect(third.ended[0]?.said).toBe('done')
  })

  it('leaves no listener', async () => {
    const condition = new Condition()
    const { signal } = new AbortController()
    waiters(condition, 2, signal)
    await settled()
    expect(listeners(signal)).toBe(2)
    await notify(condition, 2)
    await settled()
    expect(listeners(signal)).toBe(0)
  })

  it('is for the owner of its lock only', async () => {
    const condition = new Condition()
    const [owner, other] = [{}, {}]
    await expect(condition.wait(owner)).rejects.toMatchObject({ code: 'EXO_LOCK_MISUSE' })
    expect(codeOf(() => condition.notify(owner))).toBe('EXO_LOCK_MISUSE')
    await condition.lock.acquire(owner)
    await expect(condition.wait(other)).rejects.toThrow('does not hold its lock')
    await expect(condition.waitUntil(() => true, other)).rejects.toThrow('does not hold its lock')
    expect(codeOf(() => condition.notifyAll(other))).toBe('EXO_LOCK_MISUSE')
    expect(condition.lock.owner).toBe(owner)
  })

  it('throws to who is cancelled already, who keeps the lock', async () => {
    const condition = new Condition()
    const owner = {}
    await condition.lock.acquire(owner)
    const next = outcome(condition.lock.acquire({}))
    await expect(condition.wait(owner, aborted())).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    await expect(condition.waitUntil(() => true, owner, aborted())).rejects.toMatchObject({
      code: 'EXO_ABORTED',
    })
    expect(condition.lock.owner).toBe(owner)
    expect(next.said).toBe('waits')
  })

  it('can share its lock with another', async () => {
    const lock = new Lock()
    const full = new Condition(lock)
    const empty = new Condition(lock)
    const { order } = waiters(full, 1)
    await settled()
    await notify(empty)
    await settled()
    expect(order).toEqual([])
    expect(full.lock).toBe(lock)
  })

  it('waits until a predicate holds, and looks only while it has the lock', async () => {
    const condition = new Condition()
    let stock = 0
    const owner = {}
    const look = () => {
      expect(condition.lock.owner).toBe(owner)
      return stock >= 2
    }
    const buying = outcome(withLock(condition.lock, () => condition.waitUntil(look, owner), owner))
    for (const expected of ['waits', 'done']) {
      stock += 1
      await notify(condition)
      await settled()
      expect(buying.said).toBe(expected)
    }
    await withLock(condition.lock, () => condition.waitUntil(look, owner), owner)
    expect(condition.waiting).toBe(0)
  })

  it('stops waiting for a predicate when it is cancelled', async () => {
    const condition = new Condition()
    const owner = {}
    const abort = new AbortController()
    const wait = () => condition.waitUntil(() => false, owner, abort.signal)
    const waiting = outcome(withLock(condition.lock, wait, owner))
    await settled()
    abort.abort()
    await settled()
    expect(waiting.said).toBe('EXO_ABORTED')
  })
})
