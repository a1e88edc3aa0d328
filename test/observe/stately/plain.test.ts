import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plain } from '../../../src/observe/stately/plain.ts'

describe('a value as it is told', () => {
  it('is the same as JSON gives it when it is small and plain', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), value => {
        expect(JSON.stringify(plain(value))).toBe(JSON.stringify(value))
      }),
    )
  })

  it('can always be written, whatever it is, and stays within its bounds', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true }), value => {
        const text = JSON.stringify(plain(value, { values: 100, characters: 1_000 })) ?? ''
        expect(text.length).toBeLessThan(20_000)
      }),
    )
  })

  it('is cut off where it is too long, too many or too deep', () => {
    expect(plain('x'.repeat(100), { characters: 10 })).toBe(`${'x'.repeat(10)}…`)
    expect(plain([1, 2, 3, 4], { values: 3 })).toEqual([1, 2, '…'])
    expect(plain({ a: 1, b: 2, c: 3 }, { values: 2 })).toEqual({ a: 1, '…': '…' })
    const deep: Record<string, unknown> = {}
    let end = deep
    for (let level = 0; level < 50; level += 1) {
      end['in'] = {}
      end = end['in'] as Record<string, unknown>
    }
    expect(JSON.stringify(plain(deep)).length).toBeLessThan(100)
  })

  it('tells of what JSON cannot hold by a short text', () => {
    const ring: Record<string, unknown> = {}
    ring['self'] = ring
    const hostile = {
      get field() {
        throw new Error('no')
      },
    }
    const endless = { toJSON: (): unknown => endless }
    const named = () => 1
    expect(
      plain({ ring, hostile, endless, named, big: 3n, bytes: new Uint8Array(4), map: new Map([[1, 2]]) }),
    ).toEqual({
      ring: { self: '[circular]' },
      hostile: '[unreadable]',
      endless: '[circular]',
      named: { type: 'named' },
      big: '3',
      bytes: '[Uint8Array of 4 bytes]',
      map: '[Map of 1]',
    })
    expect(plain(new RangeError('far'))).toEqual({ name: 'RangeError', message: 'far' })
    const proto = plain(JSON.parse('{"__proto__": {"polluted": true}}')) as object
    expect(JSON.stringify(proto)).toBe('{"__proto__":{"polluted":true}}')
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })
})
