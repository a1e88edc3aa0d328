import { describe, expect, it } from 'vitest'
import { ExovisorError, thrownText } from '../../src/errors.ts'
import { toFailure } from '../../src/resources/failure.ts'

describe('a failure', () => {
  it('stays itself when it is an error of the catalogue, and else wraps what was thrown', () => {
    const ours = new ExovisorError('EXO_PORT_IN_USE', 'port 80 is in use')
    expect(toFailure(ours, 'server "a"')).toBe(ours)
    const cause = new Error('no route')
    expect(toFailure(cause, 'peer "b"')).toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      message: 'peer "b" failed: no route',
      cause,
    })
  })

  it('has the stack of its cause, or one of its own where the cause has none, and leaves the limit of stacks as it was', () => {
    const limit = Error.stackTraceLimit
    const frames = (error: Error) =>
      (error.stack ?? '').split('\n').filter(line => line.startsWith('    at '))
    const wrapped = toFailure(new Error('no route'), 'peer "b"')
    expect(frames(wrapped)).toEqual([])
    expect(frames(wrapped.cause as Error).length).toBeGreaterThan(0)
    expect(frames(toFailure('no route', 'peer "b"')).length).toBeGreaterThan(0)
    expect(Error.stackTraceLimit).toBe(limit)
    expect(frames(new Error('later')).length).toBeGreaterThan(0)
  })

  it.each([
    ['a text', 'slow', 'slow'],
    ['nothing', undefined, 'undefined'],
    ['a symbol', Symbol('x'), 'Symbol(x)'],
    ['an object without a prototype', Object.create(null), 'a value without a text: [object Object]'],
    [
      'an object that throws when it is asked',
      {
        toString() {
          throw new Error('no')
        },
      },
      'a value without a text: [object Object]',
    ],
  ])('may be anything: %s', (_, reason, text) => {
    expect(thrownText(reason)).toBe(text)
    expect(toFailure(reason, 'peer "b"').message).toBe(`peer "b" failed: ${text}`)
  })
})
