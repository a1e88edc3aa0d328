import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { waitFor } from '../../src/concurrency/wait-for.ts'

const never = new Promise<never>(() => {})

describe('waitFor', () => {
  it('gives what the work gives, and leaves no timer', async () => {
    const clock = new VirtualClock()
    expect(await waitFor(Promise.resolve(7), clock, 'a number', { timeout: 10 })).toBe(7)
    await clock.advance(0)
    expect(clock.pending).toBe(0)
  })

  it('passes on what the work throws', async () => {
    await expect(waitFor(Promise.reject(new Error('no')), new VirtualClock(), 'it')).rejects.toThrow('no')
  })

  it('gives up with EXO_READY_TIMEOUT that names the work and the time', async () => {
    const clock = new VirtualClock()
    const waiting = expect(waitFor(never, clock, 'the engine', { timeout: 50 })).rejects.toMatchObject({
      code: 'EXO_READY_TIMEOUT',
      message: 'the engine took longer than 50 ms',
    })
    await clock.advance(50)
    await waiting
  })

  it('gives up with EXO_ABORTED when its signal fires, also if it has fired before', async () => {
    const abort = new AbortController()
    const waiting = waitFor(never, new VirtualClock(), 'it', { signal: abort.signal })
    abort.abort('changed my mind')
    await expect(waiting).rejects.toMatchObject({ code: 'EXO_ABORTED', cause: 'changed my mind' })
    await expect(waitFor(never, new VirtualClock(), 'it', { signal: abort.signal })).rejects.toMatchObject({
      code: 'EXO_ABORTED',
    })
  })
})
