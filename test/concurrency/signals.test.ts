import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { signalStream } from '../../src/concurrency/signals.ts'
import { aborted, listeners, outcome, settled } from './outcome.ts'

/** What stands for the process. */
function processLike() {
  const emitter = new EventEmitter()
  return {
    emitter,
    raise: (signal: NodeJS.Signals) => emitter.emit(signal, signal),
    listening: () => emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0),
  }
}

describe('signalStream', () => {
  it('gives signals as an async iterable, in the order in which they came', async () => {
    const { emitter, raise } = processLike()
    const seen: string[] = []
    const stream = signalStream(['SIGINT', 'SIGTERM'], undefined, emitter)
    raise('SIGTERM')
    raise('SIGINT')
    for await (const signal of stream) {
      seen.push(signal)
      if (seen.length === 2) break
    }
    expect(seen).toEqual(['SIGTERM', 'SIGINT'])
  })

  it('waits for a signal that has not come yet', async () => {
    const { emitter, raise } = processLike()
    using stream = signalStream(['SIGHUP'], undefined, emitter)
    const next = stream.next()
    await settled()
    raise('SIGHUP')
    expect(await next).toEqual({ value: 'SIGHUP', done: false })
    const further = outcome(stream.next())
    await settled()
    expect(further.said).toBe('waits')
  })

  it('tells of a signal once that came twice before it was taken', async () => {
    const { emitter, raise } = processLike()
    using stream = signalStream(['SIGINT'], undefined, emitter)
    raise('SIGINT')
    raise('SIGINT')
    await stream.next()
    const second = outcome(stream.next())
    await settled()
    expect(second.said).toBe('waits')
    raise('SIGINT')
    await settled()
    expect(second.said).not.toBe('waits')
  })

  it('listens from the call to the end of the loop, and leaves no listener', async () => {
    const { emitter, raise, listening } = processLike()
    const { signal } = new AbortController()
    const stream = signalStream(['SIGINT', 'SIGINT', 'SIGTERM'], signal, emitter)
    expect(listening()).toBe(2)
    expect(listeners(signal)).toBe(1)
    raise('SIGINT')
    for await (const _ of stream) break
    expect(listening()).toBe(0)
    expect(listeners(signal)).toBe(0)
    expect(await stream.next()).toEqual({ value: undefined, done: true })
  })

  it('ends a wait when it is closed, and says so by return and dispose too', async () => {
    const { emitter, listening } = processLike()
    const stream = signalStream(['SIGINT'], undefined, emitter)
    const waits = [stream.next(), stream.next()]
    stream.close()
    stream.close()
    expect(await Promise.all(waits)).toEqual([
      { value: undefined, done: true },
      { value: undefined, done: true },
    ])
    expect(await stream.return()).toEqual({ value: undefined, done: true })
    {
      using _ = signalStream(['SIGINT'], undefined, emitter)
      expect(listening()).toBe(1)
    }
    expect(listening()).toBe(0)
  })

  it('throws when it is cancelled, and listens no more, whether somebody waits or not', async () => {
    const { emitter, listening } = processLike()
    const abort = new AbortController()
    const waited = signalStream(['SIGINT'], abort.signal, emitter)
    const idle = signalStream(['SIGINT'], abort.signal, emitter)
    const waiting = outcome(waited.next())
    abort.abort()
    await settled()
    expect(waiting.said).toBe('EXO_ABORTED')
    expect(listening()).toBe(0)
    await expect(idle.next()).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    expect(() => signalStream(['SIGINT'], aborted(), emitter)).toThrow('stop')
    expect(listening()).toBe(0)
  })

  it('gives no signal any more once it is cancelled, not even one that came before', async () => {
    const { emitter, raise } = processLike()
    const abort = new AbortController()
    const stream = signalStream(['SIGINT'], abort.signal, emitter)
    raise('SIGINT')
    abort.abort()
    await expect(stream.next()).rejects.toMatchObject({ code: 'EXO_ABORTED' })
  })

  it('listens to the process unless it is given another emitter', async () => {
    using stream = signalStream(['SIGUSR2'])
    process.emit('SIGUSR2', 'SIGUSR2')
    expect(await stream.next()).toEqual({ value: 'SIGUSR2', done: false })
    expect(process.listenerCount('SIGUSR2')).toBe(1)
    stream.close()
    expect(process.listenerCount('SIGUSR2')).toBe(0)
  })
})
