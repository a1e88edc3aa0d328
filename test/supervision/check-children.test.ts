import { describe, expect, it } from 'vitest'
import { checkPolicy } from '../../src/supervision/check-policy.ts'
import { checkSpecs, type SpecFault } from '../../src/supervision/check-specs.ts'
import { defaultPolicy } from '../../src/supervision/policy.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import type { SupervisorInput } from '../../src/supervision/types.ts'
import { grow, kid } from './tree.ts'

const { definition: resource } = kid('any')
const spec = (id: string, more: object = {}) => ({ id, resource, input: {}, ...more })
const nested = (id: string, more: object = {}) => ({ id, resource: supervisorResource, input: {}, ...more })
const check = (input: unknown): readonly SpecFault[] => checkSpecs(input as SupervisorInput)
const paths = (input: unknown): readonly string[] => check(input).map(({ path }) => path)
const closure = (...children: readonly object[]) => ({ strategy: 'dependency_closure', children })

describe('a policy that comes of several places', () => {
  /** Each is sound alone: together the limit is never reached. */
  const policies = {
    policies: { slow: { backoff: { initial: 20_000 }, intensity: { within: 200_000 } } },
    names: { named: { backoff: { initial: 25_000 } } },
  }
  const short = { intensity: { restarts: 5, within: 40_000 } }

  it('is told once for all children that have it, and again for each other one', () => {
    const slow = { policies: { slow: { backoff: { initial: 20_000 } } }, default: short }
    expect(paths({ policies: slow, children: [spec('a', { policy: 'slow' })] })).toEqual([])
    const kinds = { [resource.kind]: { intensity: { within: 40_000 } } }
    const layered = { default: { backoff: { initial: 5_000 } }, kinds }
    expect(paths({ policies: layered, children: [spec('a'), spec('b')] })).toEqual([
      `policies.kinds.${resource.kind}.intensity.within`,
    ])
    expect(paths({ policies, children: [spec('named'), spec('x', { policy: 'slow' })] })).toEqual([])
  })

  it('is told of each child that lays fields of its own over it', () => {
    const own = { policy: { backoff: { initial: 20_000 }, intensity: { within: 40_000 } } }
    expect(paths({ children: [spec('a', own), spec('b'), spec('c', own)] })).toEqual([
      'children[0].policy.intensity.within',
      'children[2].policy.intensity.within',
    ])
  })

  it('is not taken from a child whose restart, shutdown or policy is another one', () => {
    const significant = true
    const table = { policies: { brief: { restart: 'temporary' } } }
    const input = (first: object) => ({
      autoShutdown: 'any_significant',
      policies: table,
      children: [spec('a', first), spec('b', { significant })],
    })
    for (const first of [{ policy: 'brief' }, { restart: 'transient' }, { policy: 'brief', shutdown: 5 }])
      expect(paths(input(first))).toEqual(['children[1].significant'])
    expect(paths(input({ policy: 'brief', significant }))).toEqual(['children[1].significant'])
    expect(paths(input({ policy: 'brief', restart: 'permanent', significant }))).toEqual([
      'children[0].significant',
      'children[1].significant',
    ])
    const twice = [spec('a', { policy: 'brief', significant }), spec('b', { policy: 'brief', significant })]
    expect(paths({ autoShutdown: 'any_significant', policies: table, children: twice })).toEqual([])
  })

  it('is not that of a sibling to whom the table gives one by name, or whose own has another name', () => {
    const significant = true
    const policies = {
      policies: { brief: { restart: 'temporary' }, lasting: { restart: 'permanent' } },
      names: { named: 'brief' },
    }
    const faults = (...children: readonly object[]) =>
      paths({ autoShutdown: 'any_significant', policies, children })
    const named = spec('named', { significant })
    expect(faults(named, spec('b', { significant }))).toEqual(['children[1].significant'])
    expect(faults(spec('b', { significant }), named)).toEqual(['children[0].significant'])
    for (const key of ['policy', 'restart'] as const) {
      const [first, second] = key === 'policy' ? ['brief', 'lasting'] : ['temporary', 'permanent']
      expect(
        faults(spec('a', { [key]: first, significant }), spec('b', { [key]: second, significant })),
      ).toEqual(['children[1].significant'])
    }
  })

  it('is looked at once for all children that have the same', () => {
    let looks = 0
    const counted = Object.defineProperty({}, 'circuit', {
      enumerable: true,
      get: () => {
        looks += 1
        return 'off'
      },
    })
    const looksFor = (count: number): number => {
      looks = 0
      const children = Array.from({ length: count }, (_, at) => spec(`${at}`, { policy: 'counted' }))
      expect(paths({ policies: { policies: { counted } }, children })).toEqual([])
      return looks
    }
    expect(looksFor(0)).toBeLessThan(looksFor(1))
    expect(looksFor(100)).toBe(looksFor(1))
  })

  it('is checked also for a child that has other faults', () => {
    const broken = spec('a', { mailbox: 0, significant: true, policy: { intensity: { within: 10 } } })
    expect(paths({ autoShutdown: 'any_significant', children: [broken] })).toEqual([
      'children[0].mailbox',
      'children[0].policy.intensity.within',
      'children[0].significant',
    ])
  })

  it('is not looked for where the kind of the child cannot be read', () => {
    const resource = Object.defineProperty({}, 'kind', {
      get: () => {
        throw new Error('no kind')
      },
    })
    expect(check({ children: [{ id: 'a', resource, policy: { startTimeout: 0 } }] })).toEqual([
      { path: 'children[0].resource', message: 'cannot be read: no kind', expected: 'plain data' },
    ])
  })

  it('lies over that of a supervisor for a supervisor', () => {
    const policy = { shutdown: 'infinity' }
    expect(paths({ children: [nested('a'), nested('b', policy), spec('c', policy)] })).toEqual([])
  })

  it('is left out when it cannot be told, without a second fault', () => {
    const significant = true
    expect(
      paths({ autoShutdown: 'any_significant', children: [spec('a', { policy: 7, significant })] }),
    ).toEqual(['children[0].policy'])
    const broken = spec('a', { restart: 'always', shutdown: -1, policy: { startTimeout: 5 }, significant })
    expect(paths({ autoShutdown: 'any_significant', children: [broken] })).toEqual([
      'children[0].restart',
      'children[0].shutdown',
    ])
  })

  it('is refused with all of its faults as data', () => {
    let error: unknown
    try {
      checkPolicy({ ...defaultPolicy, startTimeout: -1, shutdown: -1 }, 'here')
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
      message: expect.stringMatching(/^here: /),
      details: { faults: [{ message: 'is -1' }, { message: 'is -1' }] },
    })
  })
})

describe('a restart intensity of a whole supervisor', () => {
  it('is refused at its start with what is wrong', async () => {
    const wrong = { restarts: -1, within: 0 }
    await expect(grow([], { intensity: wrong })).rejects.toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
      details: { faults: [{ path: 'intensity.restarts' }, { path: 'intensity.within' }] },
    })
  })
})

describe('a sibling that is not there', () => {
  const row = (count: number) => Array.from({ length: count }, (_, index) => spec(`s${index}`))
  const expected = (children: readonly object[]) => check(closure(...children)).at(-1)?.expected

  it('is compared with those there are, up to a thousand of them and 256 characters', () => {
    const lost = (id: string) => spec('last', { after: [id] })
    expect(expected([...row(999), lost('s1x')])).toMatch(/, such as s1/)
    expect(expected([...row(1_000), lost('s1x')])).toBe('the id of a sibling')
    expect(expected([spec('a'), lost('x'.repeat(256))])).toMatch(/, such as /)
    expect(expected([spec('a'), lost('x'.repeat(257))])).toBe('the id of a sibling')
  })

  it('is one that has no id that could be one', () => {
    expect(check(closure(spec('a', { after: [7] }), spec('')))).toMatchObject([
      { path: 'children[1].id' },
      { path: 'children[0].after[0]', message: 'is 7', expected: 'the id of a sibling' },
    ])
    expect(paths(closure(spec('a', { after: [''] }), spec('')))).toEqual([
      'children[1].id',
      'children[0].after[0]',
    ])
  })

  it('may be named a thousand times, and no more', () => {
    const named = (count: number) => Array.from({ length: count }, () => 'a')
    expect(paths(closure(spec('a'), spec('b', { after: named(1_000) })))).toEqual([])
    expect(paths(closure(spec('a'), spec('b', { after: named(1_001) })))).toEqual(['children[1].after'])
  })

  it('is told where a list cannot be read', () => {
    const list = ['a']
    Object.defineProperty(list, 0, {
      enumerable: true,
      get: () => {
        throw new Error('no')
      },
    })
    expect(paths(closure(spec('a'), spec('b', { after: list })))).toEqual(['children[1].after'])
  })
})

describe('a cycle of order', () => {
  const ring = (count: number) =>
    closure(
      ...Array.from({ length: count }, (_, index) =>
        spec(`s${index}`, { after: [`s${(index + 1) % count}`] }),
      ),
    )

  it('is told as a whole up to twenty children, and cut beyond', () => {
    const message = (count: number) => check(ring(count)).map(fault => fault.message)
    expect(message(20)).toEqual([expect.stringMatching(/-> s19 -> s0$/)])
    expect(message(21)).toEqual([expect.stringMatching(/-> s19 -> \.\.\. -> s0 \(21 children\)$/)])
  })

  it('is no fault under another strategy, where the lists are one', () => {
    expect(paths({ children: [spec('a', { after: ['b'] }), spec('b', { after: ['a'] })] })).toEqual([
      'children[0].after',
      'children[1].after',
    ])
  })
})

describe('supervisors in supervisors', () => {
  it('may have a million children in all', () => {
    // A list that is long and holds nothing else is told of at each place: its length alone is looked at here.
    const children = Object.assign([spec('a')], { length: 1_000_001 })
    expect(paths({ children })).toEqual(['children'])
    const template = { resource }
    expect(paths({ strategy: 'dynamic', template, maxChildren: 1_000_000, children: [] })).toEqual([])
    expect(paths({ strategy: 'dynamic', template, maxChildren: 1_000_001 })).toEqual(['maxChildren'])
  })

  it('may be 64 deep', () => {
    const deep = (levels: number) => {
      let input: object = {}
      for (let level = 1; level < levels; level += 1) input = { children: [nested('a', { input })] }
      return input
    }
    expect(check(deep(64))).toEqual([])
    expect(check(deep(65))).toHaveLength(1)
  })
})

describe('a table of policies', () => {
  const { kind } = resource
  const slow = { backoff: { initial: 100_000, max: 100_000 } }

  it('tells of a name that it does not have, and of the nearest one if it has any', () => {
    const [none] = check({ children: [spec('a', { policy: 'clam' })] })
    expect(none).toEqual({
      path: 'children[0].policy',
      message: 'is "clam", which is no policy; the table has none',
      expected: 'no name',
    })
    const [near] = check({ policies: { policies: { calm: {} } }, children: [spec('a', { policy: 'clam' })] })
    expect(near).toEqual({
      path: 'children[0].policy',
      message: 'is "clam", which is no policy',
      expected: 'a policy of the table, such as calm',
    })
  })

  it('tells of the same fault at each entry that is to blame', () => {
    expect(paths({ policies: { policies: { x: slow }, default: slow, kinds: { other: slow } } })).toEqual([
      'policies.policies.x.intensity.within',
      'policies.default.intensity.within',
    ])
  })

  it('lays kinds and names over its default, by fields or by name', () => {
    const short = { intensity: { within: 40_000 } }
    const some = { backoff: { initial: 5_000 } }
    expect(paths({ policies: { default: some, kinds: { [kind]: short } } })).toEqual([
      `policies.kinds.${kind}.intensity.within`,
    ])
    expect(paths({ policies: { default: 'some', policies: { some }, kinds: { [kind]: short } } })).toEqual([
      `policies.kinds.${kind}.intensity.within`,
    ])
    const few = { degraded: { after: { failures: 1, of: 2 } } }
    const names = { a: { degraded: { after: { failures: 3 } } } }
    expect(paths({ policies: { default: few, names } })).toEqual(['policies.names.a.degraded.after.failures'])
    expect(paths({ policies: { names } })).toEqual([])
  })

  it('has policies by name that are fields, and not names of each other', () => {
    const [fault] = check({ policies: { policies: { x: 'z', z: {} } } })
    expect(fault).toEqual({ path: 'policies.policies.x', message: 'is "z"', expected: 'fields of a policy' })
  })

  it('that is none has no policies, and its children are checked all the same', () => {
    expect(
      paths({ policies: 7, children: [spec('a', { policy: 'x' }), spec('b', { restart: 'x' })] }),
    ).toEqual(['policies', 'children[0].policy', 'children[1].restart'])
    expect(paths({ policies: { default: 7, policies: { x: 7 } }, children: [spec('a')] })).toEqual([
      'policies.policies.x',
      'policies.default',
    ])
  })
})

describe('the input of a child', () => {
  it('is checked for a supervisor only, and may be left out there', () => {
    const input = { children: 'rubbish' }
    expect(paths({ children: [spec('a', { input })] })).toEqual([])
    expect(paths({ children: [nested('a', { input })] })).toEqual(['children[0].input.children'])
    expect(paths({ children: [nested('a', { input: undefined })] })).toEqual([])
  })
})

describe('the fields of a spec', () => {
  it('may go up to their limits', () => {
    expect(paths({ children: [spec('x'.repeat(256)), spec('b', { shutdown: 'infinity' })] })).toEqual([])
    expect(paths({ children: [spec('a', { shutdown: 'soon' }), spec('b', { shutdown: '5' })] })).toEqual([
      'children[0].shutdown',
      'children[1].shutdown',
    ])
  })
})
