import { describe, expect, it } from 'vitest'
import { describeConfig } from '../../src/config/describe.ts'
import { environmentName, otherVariables } from '../../src/config/environment.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { faultsOf } from './faults-of.ts'

const withEnv = (env: Record<string, string>, text = '') => parseConfig({ env, text }).config

describe('the environment', () => {
  it('addresses every key by the name that the documents give it', () => {
    const settable = describeConfig().filter(({ type, path }) => type !== 'section' && !path.includes('<'))
    const samples: Record<string, string> = {
      'grpc.key': 'long-enough',
      'tracing.endpoint': 'http://127.0.0.1:4318',
      'supervision.policies': '{ mine: { shutdown: 1s } }',
      'supervision.names': '{ mine: network }',
    }
    for (const { path, environment, default: value } of settable) {
      const loaded = parseConfig({ env: { [environment]: samples[path] ?? value ?? '9' } })
      expect(loaded.origin(path), environment).toEqual({ source: 'environment', variable: environment })
    }
    expect(settable.length).toBeGreaterThan(20)
  })

  it('addresses every key of a policy', () => {
    for (const { path, default: value } of describeConfig().filter(({ path }) =>
      path.startsWith('supervision.policies.<name>.'),
    )) {
      // A map without entries says nothing.
      if (value === undefined || value === '{}') continue
      const real = path.replace('<name>', 'mine')
      const variable = environmentName(real.split('.'))
      expect(parseConfig({ env: { [variable]: value } }).origin(real), variable).toEqual({
        source: 'environment',
        variable,
      })
    }
  })

  it('does not care about case and single underscores', () => {
    for (const name of [
      'EXOVISOR_ENGINE__PREFILL_CHUNK',
      'EXOVISOR_ENGINE__PREFILLCHUNK',
      'exovisor_engine__prefillChunk',
    ])
      expect(withEnv({ [name]: '7' }).engine.prefillChunk).toBe(7)
  })

  it('reads values as YAML: numbers, booleans, lists and whole sections', () => {
    const config = withEnv({
      EXOVISOR_API: '{ port: 0, host: localhost }',
      EXOVISOR_API__ENABLED: 'false',
      EXOVISOR_API__KEYS: '[first-key, second-key]',
    })
    expect(config.api).toEqual({
      enabled: false,
      host: 'localhost',
      port: 0,
      keys: ['first-key', 'second-key'],
    })
  })

  it('lets the deeper variable win where one stands within the other', () => {
    const env = { EXOVISOR_API__PORT: '1', EXOVISOR_API: '{ port: 2, host: localhost }' }
    expect(withEnv(env).api).toMatchObject({ port: 1, host: 'localhost' })
  })

  it('takes the value of a key that holds a text as it is', () => {
    const config = withEnv({
      EXOVISOR_GRPC__KEY: '12345678',
      EXOVISOR_MODEL: '*not: [yaml',
      EXOVISOR_NODE__NAME: 'true',
    })
    expect(config.grpc.key).toBe('12345678')
    expect(config.model).toBe('*not: [yaml')
    expect(config.node.name).toBe('true')
  })

  it('finds names in maps whatever their punctuation is', () => {
    const text = 'supervision: { names: { "peer:attic": { startTimeout: 1m } } }'
    const env = {
      EXOVISOR_SUPERVISION__NAMES__PEER_ATTIC__SHUTDOWN: '1s',
      EXOVISOR_SUPERVISION__KINDS__PEER: 'engine',
    }
    const { names, kinds } = withEnv(env, text).supervision
    expect(names).toEqual({ 'peer:attic': { startTimeout: 60_000, shutdown: 1_000 } })
    expect(kinds['peer']).toBe('engine')
  })

  it('makes a new name in small letters, and takes any other name in a map', () => {
    const { names } = withEnv({
      EXOVISOR_SUPERVISION__NAMES__ATTIC__SHUTDOWN: '1s',
      EXOVISOR_SUPERVISION__NAMES: '{ "peer:Über": network }',
    }).supervision
    expect(names).toEqual({ attic: { shutdown: 1_000 }, 'peer:Über': 'network' })
  })

  it('refuses a name that fits two', () => {
    const text = 'supervision: { names: { "peer:attic": network, "peer-attic": network } }'
    const env = { EXOVISOR_SUPERVISION__NAMES__PEER_ATTIC__SHUTDOWN: '1s' }
    expect(faultsOf({ text, env })).toMatchObject([
      { place: 'EXOVISOR_SUPERVISION__NAMES__PEER_ATTIC__SHUTDOWN' },
    ])
  })

  it.each([
    ['EXOVISOR_API_PORT', 'EXOVISOR_API__PORT'],
    ['EXOVISOR_API__PROT', 'EXOVISOR_API__PORT'],
    ['EXOVISOR_ENGINE__THREDS', 'EXOVISOR_ENGINE__THREADS'],
    [
      'EXOVISOR_SUPERVISION__POLICIES__NETWORK__BACKOF__MAX',
      'EXOVISOR_SUPERVISION__POLICIES__NETWORK__BACKOFF__MAX',
    ],
    ['EXOVISOR_CONFIGG', 'EXOVISOR_CONFIG'],
  ])('suggests what %s was meant to be', (variable, suggestion) => {
    const [fault] = faultsOf({ env: { [variable]: '1' } })
    expect(fault).toMatchObject({ place: variable, source: 'environment' })
    expect(fault?.suggestion).toBe(suggestion)
  })

  it('refuses a variable that means nothing at all, and one that means the same as another', () => {
    expect(faultsOf({ env: { EXOVISOR_: '1', EXOVISOR_API____PORT: '1' } })).toHaveLength(2)
    expect(faultsOf({ env: { EXOVISOR_API__PORT: '1', exovisor_api__port: '2' } })).toMatchObject([
      { place: 'exovisor_api__port', message: 'the variable EXOVISOR_API__PORT sets the same key' },
    ])
  })

  it('refuses a value that is not YAML, and one that is too long', () => {
    expect(faultsOf({ env: { EXOVISOR_API__KEYS: '[a' } })).toMatchObject([
      { path: 'api.keys', message: expect.stringContaining('not YAML') },
    ])
    expect(faultsOf({ env: { EXOVISOR_MODEL: 'x'.repeat(65_537) } })).toMatchObject([
      { message: expect.stringContaining('65537 characters') },
    ])
  })

  it('leaves alone what is empty, what is not ours, and EXOVISOR_CONFIG', () => {
    expect(Object.keys(otherVariables)).toEqual(['EXOVISOR_CONFIG'])
    const env = {
      EXOVISOR_API__PORT: '',
      PATH: '/bin',
      MY_EXOVISOR_X: '1',
      EXOVISOR_CONFIG: 'somewhere.yaml',
    }
    expect(withEnv(env)).toEqual(withEnv({}))
  })
})
