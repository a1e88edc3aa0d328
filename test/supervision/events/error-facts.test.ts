import { describe, expect, it } from 'vitest'
import { ExovisorError } from '../../../src/errors.ts'
import { bounded, errorFacts } from '../../../src/supervision/events/error-facts.ts'

const detailsOf = (details: object) =>
  errorFacts(
    new ExovisorError('EXO_RESOURCE_FAILED', 'lost', {
      details: details as Readonly<Record<string, unknown>>,
    }),
  ).error?.details

const causesOf = (cause: unknown) => errorFacts(new Error('outer', { cause })).causes

describe('a bounded text', () => {
  it('stays as it is up to its limit, and is cut to it beyond', () => {
    expect([bounded('12345', 5), bounded('123456', 5)]).toEqual(['12345', '1234…'])
    expect(bounded('x'.repeat(2_001))).toHaveLength(2_000)
  })
})

describe('the details of an error', () => {
  it('are copied as plain data, value by value', () => {
    const details = {
      none: null,
      yes: true,
      no: false,
      number: 1.5,
      endless: Number.POSITIVE_INFINITY,
      big: 10n,
      text: 'x',
      list: [1, 'two', [3]],
      record: { inner: { most: 1 } },
      left: undefined,
    }
    expect(detailsOf(details)).toStrictEqual({
      none: null,
      yes: true,
      no: false,
      number: 1.5,
      endless: 'Infinity',
      big: '10',
      text: 'x',
      list: [1, 'two', [3]],
      record: { inner: { most: 1 } },
    })
  })

  it('do not change any more when the error does', () => {
    const list = [1]
    const error = new ExovisorError('EXO_RESOURCE_FAILED', 'lost', { details: { list } })
    const facts = errorFacts(error)
    list.push(2)
    expect(facts.error?.details).toEqual({ list: [1] })
  })

  it('end at the third level, also in lists', () => {
    expect(detailsOf({ a: { b: { c: { d: 1 } } } })).toEqual({ a: { b: { c: '[object Object]' } } })
    expect(detailsOf({ a: [[[1]]] })).toEqual({ a: [['[object Array]']] })
  })

  it('are at most 32 values in all, wherever they stand', () => {
    const many = Array.from({ length: 100 }, (_, index) => index)
    const kept = detailsOf({ first: 1, list: many, last: 2 })
    expect(kept?.['list']).toEqual(many.slice(0, 30))
    expect(Object.keys(kept ?? {})).toEqual(['first', 'list'])
    const wide = detailsOf(Object.fromEntries(many.map(key => [`k${key}`, key])))
    expect(Object.keys(wide ?? {})).toHaveLength(32)
  })

  it('have keys and texts of at most 500 characters', () => {
    const kept = detailsOf({ ['k'.repeat(600)]: 'v'.repeat(600) }) ?? {}
    expect(Object.entries(kept).map(([key, value]) => [key.length, String(value).length])).toEqual([
      [500, 500],
    ])
  })

  it('are not there when there are none, or none that say anything', () => {
    expect(detailsOf({})).toBeUndefined()
    expect(detailsOf({ a: undefined })).toBeUndefined()
    expect(errorFacts(new ExovisorError('EXO_RESOURCE_FAILED', 'lost')).error).toStrictEqual({
      code: 'EXO_RESOURCE_FAILED',
      message: 'lost',
    })
  })

  it('are not there when they cannot be read, and those of a foreign error never are', () => {
    const hostile = {
      get a(): never {
        throw new Error('no')
      },
    }
    expect(detailsOf(hostile)).toBeUndefined()
    expect(errorFacts(Object.assign(new Error('x'), { details: { a: 1 } }))).toStrictEqual({
      error: { code: 'EXO_INTERNAL', message: 'x' },
    })
  })
})

describe('the causes of an error', () => {
  it('have the names of their classes, but for those that say nothing', () => {
    const ours = new ExovisorError('EXO_ABORTED', 'ours')
    expect(causesOf(new RangeError('range', { cause: ours }))).toStrictEqual([
      { name: 'RangeError', message: 'range' },
      { code: 'EXO_ABORTED', message: 'ours' },
    ])
    expect(causesOf(new Error('plain'))).toStrictEqual([{ message: 'plain' }])
  })

  it('may be anything that was thrown, and end there', () => {
    expect(causesOf('a text')).toStrictEqual([{ message: 'a text' }])
    expect(causesOf({ cause: new Error('not reached'), code: 'X', name: 'Y' })).toStrictEqual([
      { message: expect.any(String) },
    ])
    expect(causesOf(Object.assign(new Error('x'), { code: 7, name: 8 }))).toStrictEqual([
      { message: expect.any(String) },
    ])
  })

  it('are told by their text where code or name refuse to be read', () => {
    const hostile = Object.defineProperty(new Error('guarded'), 'code', {
      get: () => {
        throw new Error('no')
      },
    })
    expect(causesOf(hostile)).toStrictEqual([{ message: 'guarded' }])
  })

  it('are at most eight, each once', () => {
    const loop = new Error('loop')
    loop.cause = new Error('back', { cause: loop })
    expect(causesOf(loop)?.map(({ message }) => message)).toEqual(['loop', 'back'])
    let deep = new Error('0')
    for (let depth = 1; depth < 12; depth += 1) deep = new Error(`${depth}`, { cause: deep })
    expect(causesOf(deep)?.map(({ message }) => message)).toEqual(['11', '10', '9', '8', '7', '6', '5', '4'])
  })
})
