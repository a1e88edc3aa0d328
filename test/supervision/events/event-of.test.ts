import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExovisorError } from '../../../src/errors.ts'
import { type ErrorFacts, errorFacts } from '../../../src/supervision/events/error-facts.ts'
import { type EventFacts, eventOf as eventAbout } from '../../../src/supervision/events/event.ts'

const child = {
  id: 'a',
  ref: { kind: 'thing', incarnation: 3 },
  record: { attempt: () => 2, fill: () => ({ used: 1, limit: 5, within: 60_000 }) },
}

function eventOf(facts: EventFacts, told?: ErrorFacts) {
  return eventAbout('root', 7, child, facts, told)
}

const about = (error: unknown) => eventOf({ type: 'failed' }, errorFacts(error))

const failure = (cause: unknown, details?: Readonly<Record<string, unknown>>) =>
  new ExovisorError('EXO_RESOURCE_FAILED', 'thing "a" failed', { cause, ...(details && { details }) })

describe('an event', () => {
  it('has the facts that apply and no others', () => {
    expect(eventOf({ type: 'ready' })).toStrictEqual({
      type: 'ready',
      at: 7,
      supervisor: 'root',
      name: 'a',
      kind: 'thing',
      incarnation: 3,
      attempt: 2,
      window: { used: 1, limit: 5, within: 60_000 },
    })
    const facts = { delay: 0, reason: 'why', count: 4, directive: 'restart', incarnation: 1 } as const
    expect(eventOf({ type: 'failed', ...facts })).toMatchObject(facts)
  })

  it('tells the chain of causes from the nearest to the root, with the codes that errors of the system carry', () => {
    const socket = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    const peer = new ExovisorError('EXO_PEER_UNREACHABLE', 'attic', { cause: socket })
    expect(about(failure(new TypeError('no client', { cause: peer })))).toMatchObject({
      error: { code: 'EXO_RESOURCE_FAILED', message: 'thing "a" failed' },
      causes: [
        { name: 'TypeError', message: 'no client' },
        { code: 'EXO_PEER_UNREACHABLE', message: 'attic' },
        { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' },
      ],
    })
    expect(about(failure('a text')).causes).toEqual([{ message: 'a text' }])
    expect(about(failure(undefined))).not.toHaveProperty('causes')
  })

  it('ends a chain of causes that comes back to itself, and one that is too long', () => {
    const first = new Error('first')
    const second = new Error('second', { cause: first })
    first.cause = second
    expect(about(first).causes).toEqual([{ message: 'second' }])
    expect(about(failure(first)).causes).toEqual([{ message: 'first' }, { message: 'second' }])
    const own = new Error('own')
    own.cause = own
    expect(about(own).causes).toEqual([])
    let deep = new Error('0')
    for (let depth = 1; depth < 100; depth += 1) deep = new Error(String(depth), { cause: deep })
    expect(about(deep).causes).toHaveLength(8)
  })

  it('is of bounded size, however long the texts and however many the details', () => {
    const long = 'x'.repeat(10_000)
    const details = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`${index}${long}`, long]))
    let error = failure(long, { ...details, deep: { a: { b: { c: { d: 1 } } } } })
    for (let depth = 0; depth < 20; depth += 1) error = failure(error, details)
    const event = eventOf({ type: 'failed', reason: long }, errorFacts(error))
    expect(JSON.stringify(event).length).toBeLessThan(60_000)
    expect(event.reason).toHaveLength(2_000)
    const list = failure('x', { list: Array.from({ length: 1_000 }, () => long) })
    expect(JSON.stringify(about(list)).length).toBeLessThan(20_000)
    expect(about(new Error(long)).error?.message).toMatch(/^x{1999}…$/)
  })

  it('is plain data whatever is thrown, also what has no text or refuses to be read', () => {
    const loop: Record<string, unknown> = {}
    loop['loop'] = loop
    const trap = {
      get bad(): never {
        throw new Error('do not look')
      },
    }
    const odd = Object.assign(new Error('odd'), { message: 42, name: 7, code: 9 })
    for (const thrown of [
      Object.create(null),
      { toString: () => 7 },
      Symbol('s'),
      odd,
      failure(Object.create(null)),
      failure(odd),
      failure(1, {
        big: 1n,
        fn: () => 1,
        nan: Number.NaN,
        loop,
        missing: undefined,
        list: [1, [2, [3, [4]]]],
        zero: [-0],
      }),
      failure(1, trap),
    ]) {
      const event = about(thrown)
      expect(JSON.parse(JSON.stringify(event))).toStrictEqual(event)
      expect(typeof event.error?.message).toBe('string')
    }
  })

  it('survives any details and any cause as the same JSON', () => {
    fc.assert(
      fc.property(
        fc.anything(),
        fc.dictionary(fc.string(), fc.anything({ withBigInt: true, withDate: true, withMap: true })),
        (cause, details) => {
          const event = about(failure(cause, details))
          expect(JSON.parse(JSON.stringify(event))).toEqual(event)
        },
      ),
    )
  })
})
