import { describe, expect, it } from 'vitest'
import { faultsError, isRecord, keyed, quote, SpecFaults } from '../../src/supervision/spec-faults.ts'
import { supervisorRules } from '../../src/supervision/supervisor-rules.ts'

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
const guarded = (message: unknown) => (): never => {
  throw message
}

describe('a value from outside in a message', () => {
  it.each<[unknown, string]>([
    ['a text', '"a text"'],
    ['x'.repeat(100), `"${'x'.repeat(100)}"`],
    ['x'.repeat(101), `"${'x'.repeat(100)}..."`],
    ['two\nlines', '"two\\nlines"'],
    [5, '5'],
    [undefined, 'undefined'],
    [null, 'null'],
    [Symbol('s'), 'Symbol(s)'],
    [10n, '10'],
    [() => 1, 'a function'],
    [{ a: 1 }, 'an object'],
    [[], '[]'],
    [[1, 'two', [3], null, {}], '[1, "two", [3], null, an object]'],
    [[1, 2, 3, 4, 5, 6], 'a list of 6'],
  ])('is short and says what it is: %#', (value, expected) => {
    expect(quote(value)).toBe(expected)
  })

  it('is told as unreadable when nobody can look at it', () => {
    expect([quote(revoked()), quote([revoked()])]).toEqual(
      Array.from({ length: 2 }, () => 'something that cannot be read'),
    )
  })

  it('is a record when it has fields and can be looked at', () => {
    expect([{}, Object.create(null), new Map()].map(isRecord)).toEqual([true, true, true])
    expect([null, undefined, [], 'x', 5, () => 1, revoked()].map(isRecord)).toEqual(
      Array.from({ length: 7 }, () => false),
    )
  })
})

describe('a key behind a path', () => {
  it('stands after a dot where it can, and in brackets where it could be misread', () => {
    expect(['a', '$a', '_a', 'a1-b$', 'Z'].map(key => keyed('p', key))).toEqual([
      'p.a',
      'p.$a',
      'p._a',
      'p.a1-b$',
      'p.Z',
    ])
    expect(['1a', '-a', 'a.b', 'a b', '', ' a', 'a:'].map(key => keyed('p', key))).toEqual([
      'p["1a"]',
      'p["-a"]',
      'p["a.b"]',
      'p["a b"]',
      'p[""]',
      'p[" a"]',
      'p["a:"]',
    ])
    expect([keyed('', 'a'), keyed('', 'a b')]).toEqual(['a', '["a b"]'])
  })
})

describe('the faults of an input', () => {
  it('are the rules that do not hold, behind the path of what they are about', () => {
    const faults = new SpecFaults()
    const rules = [
      ['a', 1, true, 'one'],
      ['b', 2, false, 'two'],
      ['c', 'x', false, 'three'],
    ] as const
    expect(faults.addBroken(rules, '')).toEqual(['b', 'c'])
    expect(faults.addBroken(rules.slice(0, 2), 'at')).toEqual(['b'])
    expect(faults.list).toEqual([
      { path: 'b', message: 'is 2', expected: 'two' },
      { path: 'c', message: 'is "x"', expected: 'three' },
      { path: 'at.b', message: 'is 2', expected: 'two' },
    ])
  })

  it('have what a getter threw as their reason, cut to a hundred characters', () => {
    const faults = new SpecFaults()
    const reasons = [
      new Error('no'),
      new Error('x'.repeat(101)),
      'a text',
      { message: 'no error' },
      revoked(),
    ]
    for (const reason of reasons) expect(faults.attempt('at', guarded(reason))).toBeUndefined()
    expect(faults.list.map(({ message }) => message)).toEqual([
      'cannot be read: no',
      `cannot be read: ${'x'.repeat(100)}`,
      'cannot be read: it throws',
      'cannot be read: it throws',
      'cannot be read: it throws',
    ])
    expect(faults.attempt('at', () => 5)).toBe(5)
  })

  it('are found field by field, and those that can be read are read once', () => {
    const faults = new SpecFaults()
    let reads = 0
    const source = {
      get a() {
        reads += 1
        return 'A'
      },
      get b(): never {
        throw new Error('no')
      },
      c: 'not asked for',
    }
    expect(faults.fields(source, ['a', 'b', 'd'], 'at')).toEqual({ a: 'A', d: undefined })
    expect([reads, faults.list]).toEqual([
      1,
      [{ path: 'at.b', message: 'cannot be read: no', expected: 'plain data' }],
    ])
  })

  it('are all in the message up to the tenth, and all in the details up to the hundredth', () => {
    const some = (count: number) =>
      Array.from({ length: count }, (_, at) => ({ path: `p${at}`, message: 'is 7', expected: 'less' }))
    expect(faultsError(some(10), 'root').message).toMatch(/; p9 is 7, expected less$/)
    expect(faultsError(some(11), 'root').message).toMatch(/; p9 is 7, expected less; and 1 more$/)
    expect(faultsError(some(101), 'root').details).toEqual({
      supervisor: 'root',
      count: 101,
      faults: some(100),
    })
  })
})

describe('the rules of a supervisor', () => {
  const nothing = {
    strategy: undefined,
    children: undefined,
    template: undefined,
    maxChildren: undefined,
    autoShutdown: undefined,
    concurrentStarts: undefined,
    policies: undefined,
    intensity: undefined,
    onEvent: undefined,
  }
  const broken = (fields: object) =>
    supervisorRules({ ...nothing, ...fields }).flatMap(([path, , holds, expected]) =>
      holds ? [] : [[path, expected]],
    )

  it.each([
    {},
    { strategy: 'one_for_one', autoShutdown: 'never' },
    { concurrentStarts: 1 },
    { concurrentStarts: 1_000_000 },
    { onEvent: () => 1 },
    { intensity: { restarts: 0, within: 1 } },
  ])('hold for %j', fields => {
    expect(broken(fields)).toEqual([])
  })

  it.each([0, 1_000_001, 1.5, '5', null, Number.NaN])(
    'do not hold for %j starts at a time',
    concurrentStarts => {
      expect(broken({ concurrentStarts })).toEqual([['concurrentStarts', 'a whole number from 1 to 1000000']])
    },
  )

  it('tell what is nearest to a word of up to 64 characters, and the words alone for anything else', () => {
    const all = 'one_for_one or one_for_all or rest_for_one or dependency_closure or dynamic'
    const words = 'never or any_significant or all_significant'
    expect(broken({ strategy: 'dynamo' })).toEqual([['strategy', `${all}; the nearest is dynamic`]])
    expect(broken({ autoShutdown: 'x'.repeat(64) })).toEqual([
      ['autoShutdown', expect.stringMatching(`^${words}; the nearest is `)],
    ])
    for (const strategy of ['', 'x'.repeat(65), 5, null])
      expect(broken({ strategy })).toEqual([['strategy', all]])
  })

  it('hold for no intensity but one with both numbers', () => {
    for (const intensity of [null, 5, {}, []])
      expect(broken({ intensity }).map(([path]) => path)).toEqual(['intensity.restarts', 'intensity.within'])
  })
})
