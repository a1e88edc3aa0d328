import { describe, expect, it } from 'vitest'
import { Event } from '../../src/concurrency/event.ts'
import { aborted, listeners, outcome, settled } from './outcome.ts'

describe('Event', () => {
  it('lets all go on, in the order in which they came, once it is set', async () => {
    const event = new Event()
    const order: number[] = []
    const waits = [1, 2, 3].map(async number => {
      await event.wait()
      order.push(number)
    })
    await settled()
    expect(order).toEqual([])
    expect(event.waiting).toBe(3)
    event.set()
    await Promise.all(waits)
    expect(order).toEqual([1, 2, 3])
    expect(event.waiting).toBe(0)
  })

  it('is one-shot: set stays set, and there is no way back', async () => {
    const event = new Event()
    expect(event.isSet).toBe(false)
    event.set()
    event.set()
    expect(event.isSet).toBe(true)
    await event.wait()
    await event.wait()
  })

  it('ends a wait that is cancelled, and leaves no listener either way', async () => {
    const event = new Event()
    const abort = new AbortController()
    const cancelled = outcome(event.wait(abort.signal))
    expect(listeners(abort.signal)).toBe(1)
    abort.abort(new Error('stop'))
    await settled()
    expect(cancelled.said).toBe('EXO_ABORTED')
    expect(event.waiting).toBe(0)
    const patient = new AbortController()
    const lasting = outcome(event.wait(patient.signal))
    event.set()
    await settled()
    expect(lasting.said).toBe('done')
    expect(listeners(patient.signal)).toBe(0)
  })

  it('throws to who is cancelled already, also when it is set', async () => {
    const event = new Event()
    event.set()
    await expect(event.wait(aborted())).rejects.toMatchObject({ code: 'EXO_ABORTED' })
  })
})
