import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExovisorError } from '../../src/errors.ts'
import { checkSpecs, faultsError, type SpecFault } from '../../src/supervision/check-specs.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import type { SupervisorInput } from '../../src/supervision/types.ts'
import { kid } from './tree.ts'

const { definition: resource } = kid('any')
const spec = (id: string, more: object = {}) => ({ id, resource, input: {}, ...more })
const check = (input: unknown): readonly SpecFault[] => checkSpecs(input as SupervisorInput)
const paths = (input: unknown): readonly string[] => check(input).map(({ path }) => path)
const messages = (input: unknown) => check(input).map(({ path, message }) => `${path} ${message}`)
const nested = (id: string, input: object) => ({ id, resource: supervisorResource, input })
const closure = (...children: readonly object[]) => ({ strategy: 'dependency_closure', children })
const throwing = (key: string, message = 'no') =>
  Object.defineProperty({}, key, {
    enumerable: true,
    get: () => {
      throw new Error(message)
    },
  })

describe('checkSpecs', () => {
  it('finds nothing wrong with nothing, and with a tree in which every field is used', () => {
    expect(check({})).toEqual([])
    const children = [
      spec('a', { policy: 'calm', restart: 'transient', significant: true, shutdown: 'kill', mailbox: 1 }),
      spec('b', { policy: { backoff: { jitter: 'decorrelated' } }, dependsOn: ['a'], start: false }),
      spec('c', { after: ['a', 'b'], requires: ['d'], shutdown: 0 }),
      spec('d', { requires: ['c'], after: [] }),
      nested('e', { strategy: 'dynamic', template: { resource, policy: 'calm' }, maxChildren: 3 }),
    ]
    const policies = {
      default: { circuit: 30_000 },
      policies: { calm: { decide: { '*': 'stop' } } },
      kinds: { worker: 'calm' },
      names: { b: { startTimeout: 5 }, 'worker:c': 'calm' },
    }
    const flags = { strategy: 'dependency_closure', autoShutdown: 'any_significant', concurrentStarts: 5 }
    expect(
      check({ ...flags, children, policies, intensity: { restarts: 1, within: 5 }, onEvent: () => 1 }),
    ).toEqual([])
  })

  it('tolerates fields that it does not know', () => {
    expect(check({ silly: true, children: [spec('a', { silly: true })] })).toEqual([])
  })

  it('gives all faults at once, each with its path, what is wrong and what was expected', () => {
    const faults = check({
      strategy: 'one_for_oen',
      intensity: { restarts: -1, within: 0 },
      children: [spec('', { restart: 'always' }), spec('b'), spec('b', { policy: { startTimeout: 0 } }), 7],
    })
    expect(faults.map(({ path, message }) => `${path} ${message}`)).toEqual([
      'strategy is "one_for_oen"',
      'intensity.restarts is -1',
      'intensity.within is 0',
      'children[0].id is ""',
      'children[0].restart is "always"',
      'children[2].id is "b", the id of children[1]',
      'children[2].policy.startTimeout is 0',
      'children[3] is 7',
    ])
    expect(faults[0]?.expected).toMatch(/the nearest is one_for_one$/)
    for (const { expected } of faults) expect(expected).not.toBe('')
  })

  it.each<[string, unknown]>([
    ['input', undefined],
    ['input', null],
    ['input', []],
    ['input', 'rubbish'],
    ['strategy', { strategy: 'all' }],
    ['strategy', { strategy: 7 }],
    ['autoShutdown', { autoShutdown: 'maybe' }],
    ['concurrentStarts', { concurrentStarts: 0 }],
    ['onEvent', { onEvent: 'listener' }],
    ['children', { children: 'rubbish' }],
    ['children', { children: new Set() }],
    ['children[0]', { children: [null] }],
    ['children[0]', { children: [undefined] }],
    ['children[0]', { children: [['a', 'b']] }],
    ['children[0].id', { children: [{ resource }] }],
    ['children[0].id', { children: [spec('x'.repeat(257))] }],
    ['children[0].id', { children: [spec(7 as never)] }],
    ['children[0].resource', { children: [{ id: 'a' }] }],
    ['children[0].resource', { children: [spec('a', { resource: { kind: 'x' } })] }],
    ['children[0].policy', { children: [spec('a', { policy: 7 })] }],
    ['children[0].policy', { children: [spec('a', { policy: 'nobody' })] }],
    ['children[0].policy', { children: [spec('a', { policy: 'toString' })], policies: { policies: {} } }],
    [
      'children[0].policy.intensity.within',
      { children: [spec('a', { policy: { intensity: { within: 10 } } })] },
    ],
    ['children[0].restart', { children: [spec('a', { restart: 'prmanent' })] }],
    ['children[0].shutdown', { children: [spec('a', { shutdown: -1 })] }],
    ['children[0].shutdown', { children: [spec('a', { shutdown: Number.POSITIVE_INFINITY })] }],
    ['children[0].significant', { children: [spec('a', { significant: 1 })] }],
    ['children[0].start', { children: [spec('a', { start: 'yes' })] }],
    ['children[0].mailbox', { children: [spec('a', { mailbox: 0 })] }],
    ['children[0].dependsOn', closure(spec('a', { dependsOn: 'b' }), spec('b'))],
    ['children[0].dependsOn[0]', closure(spec('a', { dependsOn: [7] }))],
    ['children[0].after', closure(spec('a', { after: Array.from({ length: 1_001 }, () => 'a') }))],
    ['template', { template: { resource } }],
    ['maxChildren', { maxChildren: 3 }],
    ['template', { strategy: 'dynamic' }],
    ['template', { strategy: 'dynamic', template: [{ resource }] }],
    ['template.resource', { strategy: 'dynamic', template: {} }],
    ['template.dependsOn', { strategy: 'dynamic', template: { resource, dependsOn: ['a'] } }],
    ['children', { strategy: 'dynamic', template: { resource }, children: [spec('a')] }],
    ['maxChildren', { strategy: 'dynamic', template: { resource }, maxChildren: 0 }],
    ['policies', { policies: [] }],
    ['policies.default', { policies: { default: 7 } }],
    ['policies.default', { policies: { default: 'nobody' } }],
    ['policies.kinds', { policies: { kinds: 'network' } }],
    ['policies.kinds.peer', { policies: { kinds: { peer: 'nobody' } } }],
    ['policies.names["peer:attic"]', { policies: { names: { 'peer:attic': null } } }],
    ['policies.names.attic.probe.interval', { policies: { names: { attic: { probe: { interval: 0 } } } } }],
    ['policies.policies.x', { policies: { policies: { x: 'y' } } }],
    ['policies.policies.x.backoff', { policies: { policies: { x: { backoff: null } } } }],
    [
      'policies.policies.x.intensity.within',
      { policies: { policies: { x: { intensity: { restarts: 90 } } } } },
    ],
  ])('finds the one fault at %s', (path, input) => {
    expect(paths(input)).toEqual([path])
  })

  it('tells a fault of the table once, there, and not again at each child that has it from there', () => {
    const policies = { default: { startTimeout: 0 }, kinds: { [resource.kind]: { shutdown: -1 } } }
    const children = [spec('a'), spec('b'), spec('c', { policy: { startTimeout: 0 } })]
    expect(paths({ policies, children: [nested('s', { children }), ...children] })).toEqual([
      'policies.default.startTimeout',
      `policies.kinds.${resource.kind}.shutdown`,
      'children[0].input.children[2].policy.startTimeout',
      'children[3].policy.startTimeout',
    ])
  })

  it('tells a fault of two places of the table at both, when each says it itself', () => {
    const wrong = { startTimeout: 0 }
    expect(paths({ policies: { default: wrong, kinds: { a: wrong, b: { shutdown: 1 } } } })).toEqual([
      'policies.default.startTimeout',
      'policies.kinds.a.startTimeout',
    ])
  })

  it('finds a budget that backoff of one place and intensity of another keep from being reached', () => {
    const policies = { names: { a: { intensity: { within: 40_000 } } }, kinds: { [resource.kind]: {} } }
    const slow = spec('a', { policy: { backoff: { initial: 20_000 } } })
    expect(messages({ policies, children: [slow, spec('b')] })).toEqual([
      expect.stringMatching(/^children\[0\]\.policy\.intensity\.within .*may never be reached$/),
    ])
  })

  it('lets a field of the spec win over its policy, and checks what comes of it', () => {
    const policies = { policies: { x: { restart: 'transient' } } }
    const children = [spec('a', { policy: 'x', restart: 'permanent', significant: true })]
    expect(messages({ autoShutdown: 'any_significant', policies, children })).toEqual([
      'children[0].significant is true for a permanent child',
    ])
  })
})

describe('bad combinations', () => {
  const restarts = ['permanent', 'transient', 'temporary'] as const
  const modes = ['never', 'any_significant', 'all_significant'] as const
  it.each(
    restarts.flatMap(restart =>
      modes.flatMap(autoShutdown =>
        [true, false].map(significant => ({ restart, autoShutdown, significant })),
      ),
    ),
  )('of restart $restart, significant $significant and autoShutdown $autoShutdown are found', all => {
    const { autoShutdown, ...more } = all
    const isBad = all.significant && (all.restart === 'permanent' || autoShutdown === 'never')
    const { restart, significant } = more
    for (const children of [[spec('a', more)], [spec('a', { significant, policy: { restart } })]])
      expect(new Set(paths({ autoShutdown, children }))).toEqual(
        new Set(isBad ? ['children[0].significant'] : []),
      )
    const template = { resource, ...more }
    expect(check({ strategy: 'dynamic', autoShutdown, template }).length > 0).toBe(isBad)
  })

  it('are found for a child that says nothing of its restart, which is permanent', () => {
    expect(paths({ autoShutdown: 'any_significant', children: [spec('a', { significant: true })] })).toEqual([
      'children[0].significant',
    ])
  })

  it('are both told', () => {
    expect(messages({ children: [spec('a', { significant: true })] })).toEqual([
      'children[0].significant is true under autoShutdown never',
      'children[0].significant is true for a permanent child',
    ])
  })
})

describe('what children say of each other', () => {
  it('must be ids of siblings, with the nearest one told', () => {
    const faults = check(
      closure(spec('database'), spec('web', { dependsOn: ['databse', 'web'], after: ['database'] })),
    )
    expect(faults).toEqual([
      {
        path: 'children[1].dependsOn[0]',
        message: 'is "databse", which is no sibling',
        expected: 'the id of a sibling, such as database',
      },
      {
        path: 'children[1].dependsOn[1]',
        message: 'is "web", the child itself',
        expected: 'the id of a sibling',
      },
    ])
  })

  it('must not be a cycle in the order of start, which is told in order', () => {
    const faults = messages(
      closure(
        spec('a', { dependsOn: ['b'] }),
        spec('b', { after: ['c'] }),
        spec('c', { dependsOn: ['a'] }),
        spec('d', { dependsOn: ['a'] }),
        spec('x', { after: ['y'] }),
        spec('y', { after: ['x'] }),
      ),
    )
    expect(faults).toEqual([
      'children[0].dependsOn closes a cycle: a -> b -> c -> a',
      'children[4].after closes a cycle: x -> y -> x',
    ])
  })

  it('means the first one where an id is there twice', () => {
    const children = [spec('a', { dependsOn: ['b'] }), spec('b', { dependsOn: ['a'] }), spec('a')]
    expect(messages(closure(...children))).toEqual([
      'children[2].id is "a", the id of children[0]',
      'children[0].dependsOn closes a cycle: a -> b -> a',
    ])
  })

  it('may be a cycle of requirements, which has no order', () => {
    expect(check(closure(spec('a', { requires: ['b'] }), spec('b', { requires: ['a'] })))).toEqual([])
  })

  it.each(['one_for_one', 'one_for_all', 'rest_for_one'])('is out of place under %s', strategy => {
    const children = [spec('a'), spec('b', { dependsOn: ['a'], after: ['a'], requires: [] })]
    expect(paths({ strategy, children })).toEqual(['children[1].dependsOn', 'children[1].after'])
  })
})

describe('nested supervisors', () => {
  it('are checked too, with the way to them, and the policies of the outer one', () => {
    const inner = {
      strategy: 'none',
      children: [spec('x', { policy: 'calm' }), spec('y', { policy: 'clam' })],
    }
    const input = {
      policies: { policies: { calm: {} } },
      children: [nested('a', { children: [nested('b', inner)] })],
    }
    expect(paths(input)).toEqual([
      'children[0].input.children[0].input.strategy',
      'children[0].input.children[0].input.children[1].policy',
    ])
  })

  it('may have a table of their own, which replaces the outer one', () => {
    const inner = { policies: { policies: { own: {} } }, children: [spec('x', { policy: 'calm' })] }
    expect(paths({ policies: { policies: { calm: {} } }, children: [nested('a', inner)] })).toEqual([
      'children[0].input.children[0].policy',
    ])
  })

  it('may have the same table as the outer one, whose faults are told once', () => {
    const policies = { default: { startTimeout: 0 } }
    const inner = { policies, children: [spec('x')] }
    expect(paths({ policies, children: [nested('a', inner), nested('b', inner)] })).toEqual([
      'policies.default.startTimeout',
    ])
  })

  it('must end somewhere', () => {
    const input: { children: object[] } = { children: [] }
    input.children.push(nested('a', input))
    expect(messages(input)).toEqual(['children[0].input contains itself'])
    let deep: object = {}
    for (let depth = 0; depth < 100; depth += 1) deep = { children: [nested('a', deep)] }
    expect(check(deep).map(({ message }) => message)).toEqual(['lies below 64 supervisors'])
  })

  it('must not be too many in all, however they share their inputs', () => {
    const some = nested('some', { children: Array.from({ length: 10 }, (_, at) => spec(`${at}`)) })
    const many = (count: number) => nested('many', { children: Array.from({ length: count }, () => 7) })
    expect(messages({ children: [some, many(999_989)] })).toEqual([
      'children[1].input.children makes more than 1000000 children in all',
    ])
    expect(messages({ children: [some, many(5)] })).toHaveLength(5)
  })
})

describe('hostile input', () => {
  it('whose getters throw is told where, and throws nothing', () => {
    const list = [spec('a'), spec('b')]
    Object.defineProperty(list, 1, {
      get: () => {
        throw new Error('no child')
      },
    })
    expect(messages({ children: list })).toEqual(['children[1] cannot be read: no child'])
    expect(messages({ children: [{ ...spec('a'), policy: throwing('backoff', 'no policy') }] })).toEqual([
      'children[0].policy cannot be read: no policy',
    ])
    expect(messages(throwing('strategy', 'no strategy'))).toEqual(['strategy cannot be read: no strategy'])
    const worse = {
      get strategy() {
        throw throwing('message')
      },
      get children() {
        throw Object.setPrototypeOf(throwing('message'), Error.prototype)
      },
    }
    expect(messages(worse)).toEqual([
      'strategy cannot be read: it throws',
      'children cannot be read: it throws',
    ])
    expect(messages({ policies: throwing('kinds') })).toEqual(['policies.kinds cannot be read: no'])
    expect(paths({ children: [{ id: 'a', resource: throwing('kind') }] })).toEqual(['children[0].resource'])
    expect(messages({ children: [{ id: 'a' }, { id: 'b', resource: null }] })).toEqual([
      'children[0].resource is undefined',
      'children[1].resource is null',
    ])
  })

  it('that is revoked, cyclic, symbolic or huge is told in a short message', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const cyclic: Record<string, unknown> = {}
    cyclic['self'] = cyclic
    for (const value of [
      proxy,
      cyclic,
      Symbol('x'),
      10n,
      'x'.repeat(1e6),
      Array.from({ length: 1e6 }),
      () => 1,
    ]) {
      const input = {
        strategy: value,
        intensity: { restarts: value, within: 5 },
        children: [spec('a', { restart: value, dependsOn: value, policy: { startTimeout: value } }), value],
      }
      const faults = check(input)
      expect(faults.length).toBeGreaterThanOrEqual(5)
      for (const { message } of faults) expect(message.length).toBeLessThan(200)
      expect(check(value).length).toBeGreaterThanOrEqual(
        value === cyclic || typeof value === 'function' ? 0 : 1,
      )
    }
  })

  it('of any shape throws nothing', () => {
    const keys = ['strategy', 'children', 'template', 'policies', 'intensity', 'autoShutdown', 'maxChildren']
    const fields = ['id', 'resource', 'policy', 'restart', 'significant', 'dependsOn', 'after', 'shutdown']
    const any = fc.oneof(
      { withCrossShrink: true },
      fc.anything(),
      fc.constantFrom('dynamic', 'dependency_closure', resource),
    )
    const child = fc.dictionary(fc.constantFrom(...fields), any)
    const input = fc.dictionary(fc.constantFrom(...keys), fc.oneof(any, fc.array(child, { maxLength: 3 })))
    fc.assert(
      fc.property(input, value => {
        for (const fault of check(value))
          expect(Object.values(fault).every(text => typeof text === 'string')).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('the error of all faults', () => {
  it('is one, names the supervisor and the first ten, and carries them as data', () => {
    const faults = check({ children: Array.from({ length: 200 }, () => 7) })
    const error = faultsError(faults, 'root')
    expect(error).toBeInstanceOf(ExovisorError)
    expect(error.code).toBe('EXO_CHILD_SPEC_INVALID')
    expect(error.message).toMatch(
      /^supervisor "root": children\[0\] is 7, expected a child spec; .*children\[9\] .*; and 190 more$/,
    )
    expect(error.details).toMatchObject({ supervisor: 'root', count: 200 })
    expect(error.details['faults']).toEqual(faults.slice(0, 100))
    expect(JSON.parse(JSON.stringify(error.details))).toEqual(error.details)
  })
})
