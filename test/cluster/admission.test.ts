import { describe, expect, it } from 'vitest'
import { Admission } from '../../src/cluster/admission.ts'

describe('admission', () => {
  it('lets no more in than there are places, and the others in the order in which they came', async () => {
    const admission = new Admission({ places: 2, waiting: 8 })
    const order: number[] = []
    const leaves = [await admission.enter(), await admission.enter()]
    const later = [1, 2, 3].map(async number => {
      const leave = await admission.enter()
      order.push(number)
      leave()
    })
    expect(admission.waiting).toBe(3)
    leaves[0]?.()
    await Promise.all(later)
    expect(order).toEqual([1, 2, 3])
  })

  it('refuses with EXO_ENGINE_BUSY when too many wait', async () => {
    const admission = new Admission({ places: 1, waiting: 1 })
    await admission.enter()
    const waiting = admission.enter()
    await expect(admission.enter()).rejects.toMatchObject({ code: 'EXO_ENGINE_BUSY', retryable: true })
    expect(admission.waiting).toBe(1)
    void waiting
  })

  it('forgets who gave up waiting, and loses no place by it', async () => {
    const admission = new Admission({ places: 1, waiting: 4 })
    const leave = await admission.enter()
    const abort = new AbortController()
    const given = admission.enter(abort.signal)
    abort.abort()
    await expect(given).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    leave()
    leave()
    const again = await admission.enter()
    again()
    expect(admission.waiting).toBe(0)
  })

  it('waits when it is closed for those inside, and turns all others away', async () => {
    const admission = new Admission({ places: 1, waiting: 4 })
    const leave = await admission.enter()
    const waiting = admission.enter()
    const closed = admission.close()
    await expect(waiting).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await expect(admission.enter()).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    let done = false
    void closed.then(() => {
      done = true
    })
    await new Promise(setImmediate)
    expect(done).toBe(false)
    leave()
    await closed
  })

  it('keeps a place for who was let in just before it was closed', async () => {
    const admission = new Admission({ places: 1, waiting: 4 })
    const leave = await admission.enter()
    const next = admission.enter()
    leave()
    const closed = admission.close()
    ;(await next)()
    await closed
  })

  it('does not give one place to two when it is given back twice', async () => {
    const admission = new Admission({ places: 1, waiting: 4 })
    const leave = await admission.enter()
    leave()
    leave()
    await admission.enter()
    let entered = false
    void admission.enter().then(() => {
      entered = true
    })
    await new Promise(setImmediate)
    expect(entered).toBe(false)
  })
})
