import { getEventListeners } from 'node:events'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import {
  Cancelled,
  cancelSource,
  isCancellation,
  refuseCancelled,
} from '../../src/concurrency/cancellation.ts'
import { CancelScope } from '../../src/concurrency/scope.ts'
import { outcome } from './tracked.ts'

const cancelled = () => new Cancelled('the upload', 'enough')

describe('a cancellation', () => {
  it('has the code of aborted work, the reason as its cause, and says both', () => {
    expect(cancelled()).toMatchObject({ code: 'EXO_ABORTED', cause: 'enough', retryable: false })
    expect(cancelled().message).toBe('the upload was cancelled: enough')
    expect(new Cancelled('it', new Error('the cause')).message).toBe('it was cancelled: the cause')
    expect(new Cancelled('it', undefined).message).toBe('it was cancelled')
  })
})

describe('what may cancel', () => {
  it('is a scope as it is', () => {
    const scope = new CancelScope()
    expect(cancelSource(scope)).toBe(scope)
  })

  it('is never cancelled when there is nothing', () => {
    const source = cancelSource(undefined)
    expect(source.isCancelled).toBe(false)
    expect(source.onCancel(() => expect.unreachable())()).toBe(undefined)
    expect(source.cancelled()).toBeInstanceOf(Cancelled)
    expect(() => refuseCancelled(undefined)).not.toThrow()
  })

  it('may be a signal, which has a listener as long as somebody waits', () => {
    const controller = new AbortController()
    const source = cancelSource(controller.signal)
    let calls = 0
    const listener = () => {
      calls += 1
    }
    source.onCancel(listener)()
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    source.onCancel(listener)
    expect(source.isCancelled).toBe(false)
    controller.abort('gone')
    expect(source.isCancelled).toBe(true)
    expect(calls).toBe(1)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    source.onCancel(listener)()
    expect(calls).toBe(2)
  })

  it('gives one object for one signal, with the reason of the signal', () => {
    const signal = AbortSignal.abort('gone')
    const first = cancelSource(signal).cancelled()
    expect(first.cause).toBe('gone')
    expect(cancelSource(signal).cancelled()).toBe(first)
    expect(cancelSource(AbortSignal.abort('gone')).cancelled()).not.toBe(first)
  })

  it('gives the object of the scope whose signal it is', () => {
    const reason = cancelled()
    expect(cancelSource(AbortSignal.abort(reason)).cancelled()).toBe(reason)
  })

  it('refuses a wait that is cancelled before it begins', () => {
    expect(() => refuseCancelled(AbortSignal.abort('gone'))).toThrow(Cancelled)
    const scope = new CancelScope()
    expect(() => refuseCancelled(scope)).not.toThrow()
    scope.cancel()
    expect(() => refuseCancelled(scope)).toThrow(scope.cancelled())
  })
})

describe('what only says that somebody was cancelled', () => {
  const suppressed = (error: unknown, before: unknown) =>
    Object.assign(new Error(), { name: 'SuppressedError', error, suppressed: before })

  it.each([
    ['the object itself', cancelled()],
    [
      'the AbortError that is made of it',
      Object.assign(new Error('x', { cause: cancelled() }), { name: 'AbortError' }),
    ],
    ['a group of such', new AggregateError([cancelled(), new AggregateError([cancelled()])])],
    ['a disposal that failed by it, after a block that did', suppressed(cancelled(), cancelled())],
  ])('is %s', (_, error) => {
    expect(isCancellation(error)).toBe(true)
  })

  it.each([
    ['an error of any other kind', new Error('broken', { cause: cancelled() })],
    ['an AbortError of somebody else', Object.assign(new Error('x'), { name: 'AbortError' })],
    ['a group with a failure', new AggregateError([cancelled(), new Error('broken')])],
    ['an empty group', new AggregateError([])],
    ['a disposal that failed', suppressed(new Error('broken'), cancelled())],
    ['a block that failed', suppressed(cancelled(), new Error('broken'))],
    ['an error that only has the name', Object.assign(new Error('x'), { name: 'SuppressedError' })],
    [
      'an error of another kind that carries two',
      Object.assign(new Error('x'), { error: cancelled(), suppressed: cancelled() }),
    ],
    ['a text', 'AbortError'],
    ['nothing', undefined],
    ['null', null],
  ])('is not %s', (_, error) => {
    expect(isCancellation(error)).toBe(false)
  })

  it('is what Node throws when a signal of ours stops it', async () => {
    const scope = new CancelScope()
    scope.cancel()
    const { error } = await outcome(readFile(import.meta.filename, { signal: scope.signal }))
    expect(isCancellation(error)).toBe(true)
  })
})
