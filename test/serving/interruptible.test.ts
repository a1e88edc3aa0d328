import { describe, expect, it } from 'vitest'
import { interruptible } from '../../src/serving/interruptible.ts'

describe('an interruptible iteration', () => {
  it('passes everything on and ends with its source', async () => {
    async function* source() {
      yield 1
      yield 2
    }
    const seen: number[] = []
    for await (const value of interruptible(source(), new AbortController().signal)) seen.push(value)
    expect(seen).toEqual([1, 2])
  })

  it('throws the reason at once although the source never answers, and asks it to return', async () => {
    const controller = new AbortController()
    let returned = false
    const source: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: async () => {
          returned = true
          return { done: true, value: undefined }
        },
      }),
    }
    const next = interruptible(source, controller.signal).next()
    controller.abort(new Error('enough'))
    await expect(next).rejects.toThrow('enough')
    expect(returned).toBe(true)
  })

  it('asks nothing of its source when the signal has aborted before', async () => {
    let asked = false
    async function* source() {
      asked = true
      yield 1
    }
    await expect(interruptible(source(), AbortSignal.abort(new Error('late'))).next()).rejects.toThrow('late')
    expect(asked).toBe(false)
  })

  it('runs the finally of its source when the loop is left early, even when that fails', async () => {
    let cleaned = false
    async function* source() {
      try {
        yield 1
        yield 2
      } finally {
        cleaned = true
        await Promise.reject(new Error('cleanup failed'))
      }
    }
    for await (const value of interruptible(source(), new AbortController().signal)) {
      expect(value).toBe(1)
      break
    }
    expect(cleaned).toBe(true)
  })

  it('passes on the failure of its source', async () => {
    async function* source() {
      yield 1
      throw new Error('broke')
    }
    const events = interruptible(source(), new AbortController().signal)
    await events.next()
    await expect(events.next()).rejects.toThrow('broke')
  })

  it('leaves no listener on a signal that lives longer', async () => {
    const { signal } = new AbortController()
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1
      remove(...args)
    }
    async function* source() {
      yield 1
    }
    for (let i = 0; i < 3; i++) for await (const _ of interruptible(source(), signal)) break
    expect(listeners).toBe(0)
  })
})
