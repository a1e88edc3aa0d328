import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { summarize } from '../../src/actors/summary.ts'

const circular: Record<string, unknown> = { name: 'a' }
circular['self'] = circular

describe('a summary', () => {
  it.each([
    ['hello', '"hello"'],
    ['x'.repeat(100), `"${'x'.repeat(60)}"… 100 characters`],
    [7, '7'],
    [7n, '7n'],
    [10n ** 30n, 'a large bigint'],
    [true, 'true'],
    [null, 'null'],
    [undefined, 'undefined'],
    [Symbol('s'), 'Symbol(s)'],
    [() => 1, 'a function'],
    [new Uint8Array(3), 'Uint8Array(3 bytes)'],
    [new ArrayBuffer(8), 'ArrayBuffer(8 bytes)'],
    [new Map([[1, 2]]), 'Map(1)'],
    [new TypeError('bad'), 'TypeError: bad'],
    [{}, '{}'],
    [{ type: 'place', layers: [1, 2] }, '{ type: "place", layers: [1, 2] }'],
    [[1, 2, 3, 4, 5, 6, 7], '[1, 2, 3, 4, 5, 6, … 7 in all]'],
    [{ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7 }, '{ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, … }'],
    [circular, '{ name: "a", self: { name: "a", self: { name: "a", self: {…} } } }'],
    [[[[[1]]]], '[[[[1]]]]'],
  ])('of %o is %s', (message, text) => {
    expect(summarize(message)).toBe(text)
  })

  it('calls nothing of the message', () => {
    const traps = {
      get secret() {
        throw new Error('called')
      },
      toJSON: () => 'called',
      toString: () => 'called',
    }
    expect(summarize(traps)).toBe('{ secret: a getter, toJSON: a function, toString: a function }')
  })

  it('of what cannot be read says so', () => {
    const proxy = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no')
        },
      },
    )
    expect(summarize(proxy)).toBe('a message that cannot be read')
  })

  it('never throws and is never longer than 200 characters', () => {
    fc.assert(
      fc.property(
        fc.anything({ maxDepth: 6, withNullPrototype: true, withTypedArray: true, withMap: true }),
        message => {
          expect(summarize(message).length).toBeLessThanOrEqual(200)
        },
      ),
      { numRuns: 300 },
    )
  })
})
