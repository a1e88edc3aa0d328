import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'
import { isExovisorError } from '../../src/errors.ts'
import { faultsOf } from './faults-of.ts'

const broken = `api:
  port: 70000
  prot: 1
  enabled: yes
engine: { kind: onxx, slots: 0, context: 1.5 }
api: { port: 1 }
discovery: { udp: { interval: 20s } }
supervision:
  policies:
    mine: { shutdown: never, degraded: { after: 6 of 5, graze: 1s } }
    network: engine
  kinds: { pear: network, peer: netwrok, inference: { startTimeout: 1y, probe: { interval: 1ms } }, server: 5 }
  names: { 'peer:attic': { on: [READY], backoff: 5 }, 'peer:cellar': mein }
`

describe('a wrong file', () => {
  it('gives every fault at once, each with line, column and path', () => {
    const found = faultsOf(broken).map(({ line, column, path }) => `${line}:${column} ${path}`)
    expect(found).toEqual([
      '2:9 api.port',
      '3:3 api.prot',
      '4:12 api.enabled',
      '5:17 engine.kind',
      '5:30 engine.slots',
      '5:42 engine.context',
      '6:1 api',
      '7:31 discovery.udp.timeout',
      '10:23 supervision.policies.mine.shutdown',
      '10:49 supervision.policies.mine.degraded.after',
      '10:57 supervision.policies.mine.degraded.graze',
      '11:14 supervision.policies.network',
      '12:12 supervision.kinds.pear',
      '12:33 supervision.kinds.peer',
      '12:69 supervision.kinds.inference.startTimeout',
      '12:92 supervision.kinds.inference.probe.interval',
      '12:109 supervision.kinds.server',
      '13:33 supervision.names["peer:attic"].on[0]',
      '13:50 supervision.names["peer:attic"].backoff',
      '13:70 supervision.names["peer:cellar"]',
    ])
  })

  it('is told in one error that lists them all for people and for programs', () => {
    const error = (() => {
      try {
        return parseConfig({ text: broken, file: 'conf/exovisor.yaml' })
      } catch (thrown) {
        return thrown
      }
    })()
    if (!isExovisorError(error, 'EXO_CONFIG_INVALID')) throw error
    expect(error.message.split('\n')).toHaveLength(21)
    expect(error.message).toContain(
      'conf/exovisor.yaml:2:9  api.port: expected a whole number from 0 to 65535, got 70000',
    )
    expect(error.details['faults']).toHaveLength(20)
  })

  it.each([
    ['api: { prot: 1 }', 'did you mean port?', 'port'],
    ['egnine: { threads: 1 }', 'did you mean engine?', 'engine'],
    ['engine: { prefill_chunk: 1 }', 'did you mean prefillChunk?', 'prefillChunk'],
    ['supervision: { kinds: { peers: network } }', 'did you mean peer?', 'peer'],
    ['supervision: { kinds: { peer: netwrok } }', 'did you mean network?', 'network'],
    ['supervision: { names: { x: engin } }', 'did you mean engine?', 'engine'],
  ])('suggests what was meant: %s', (text, hint, suggestion) => {
    expect(faultsOf(text)).toMatchObject([{ message: expect.stringContaining(hint), suggestion }])
  })

  it('lists what there is when nothing is near', () => {
    expect(faultsOf('log: { xyzzy: 1 }')).toMatchObject([
      { message: 'the key "xyzzy" is unknown, expected one of level' },
    ])
  })

  it.each([
    ['api: { port: "80" }', 'expected a whole number from 0 to 65535, got "80"'],
    ['api: { enabled: 1 }', 'expected true or false, got 1'],
    ['log: { level: loud }', 'expected one of debug, info, warn, error, silent, got "loud"'],
    ['shutdown: { drain: 5 days }', 'from 0ms to 576h, got "5 days"'],
    ['engine: { memory: 0 }', 'expected a whole number of at least 1, got 0'],
    [
      'supervision: { policies: { x: { backoff: { factor: 0.5 } } } }',
      'expected a number from 1 to 100, got 0.5',
    ],
    ['supervision: { policies: { x: { startTimeout: kill } } }', 'from 1ms to 576h, or infinity, got "kill"'],
    ['model: [a]', 'expected a text of 1 to 4096 characters, got a list of 1'],
    [
      'engine: [1]',
      'expected keys and values (kind, threads, context, slots, prefillChunk, memory), got a list of 1',
    ],
    ['supervision: { kinds: { server: 5 } }', 'expected the name of a policy, or keys and values'],
  ])('says what was expected and what it got: %s', (text, message) => {
    expect(faultsOf(text)).toMatchObject([{ message: expect.stringContaining(message), source: 'file' }])
  })

  it('never shows a secret, even a wrong one, and even in the wrong place', () => {
    const texts = [
      'grpc: { key: hunter2 }',
      'api: { keys: hunter2-hunter2 }',
      'api: { keys: [hunter2] }',
      'grpc: hunter2',
      'hunter2',
    ]
    for (const text of texts) {
      const faults = faultsOf(text)
      expect(faults).toHaveLength(1)
      expect(JSON.stringify(faults)).not.toContain('hunter2')
    }
  })

  it('is refused when a name is too long for a name', () => {
    const long = 'x'.repeat(65)
    expect(faultsOf(`supervision: { policies: { ${long}: {} } }`)).toMatchObject([
      {
        path: `supervision.policies.${long}`,
        message: expect.stringContaining('expected a text of 1 to 64 characters as name'),
      },
    ])
  })

  it('is refused when peers would be lost between two announcements', () => {
    expect(faultsOf({ env: { EXOVISOR_DISCOVERY__UDP__TIMEOUT: '2s' } })).toMatchObject([
      { place: 'EXOVISOR_DISCOVERY__UDP__TIMEOUT', path: 'discovery.udp.timeout' },
    ])
  })

  it('finds the faults of all sources together', () => {
    const sources = {
      text: 'api: { port: -1 }',
      env: { EXOVISOR_API__PORT: 'x', EXOVISOR_NOPE: '1' },
      flags: { 'api.port': 70_000, 'api.prot': 1 },
    }
    expect(faultsOf(sources).map(({ place }) => place)).toEqual([
      'exovisor.yaml:1:14',
      'EXOVISOR_NOPE',
      'EXOVISOR_API__PORT',
      'flag api.prot',
      'flag api.port',
    ])
  })

  it('gives faults or a configuration for any text, and throws nothing else', () => {
    const key = fc.constantFrom(
      'api',
      'port',
      'supervision',
      'kinds',
      'peer',
      'names',
      'policies',
      'default',
      'toString',
      'constructor',
    )
    const { tree } = fc.letrec<{ tree: unknown }>(tie => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.jsonValue({ maxDepth: 1 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
      ),
    }))
    fc.assert(
      fc.property(tree, value => void faultsOf(JSON.stringify(value))),
      { numRuns: 100 },
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => void faultsOf(text)),
      { numRuns: 100 },
    )
  })
})
