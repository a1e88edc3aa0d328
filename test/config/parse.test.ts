import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'
import { configSchema } from '../../src/config/schema.ts'
import { faultsOf } from './faults-of.ts'

describe('the configuration', () => {
  it('is complete without any source', () => {
    const { config, file } = parseConfig({})
    expect(config).toEqual(configSchema.parse({}))
    expect(config.api).toEqual({ enabled: true, host: '127.0.0.1', port: 52_415, keys: [] })
    expect(config.discovery.udp.interval).toBe(2_000)
    expect(file).toBeUndefined()
  })

  it('lets the file win over defaults, the environment over the file, and flags over all', () => {
    const text = 'engine: { threads: 2, slots: 2, prefillChunk: 2 }'
    const env = { EXOVISOR_ENGINE__SLOTS: '3', EXOVISOR_ENGINE__PREFILL_CHUNK: '3' }
    const loaded = parseConfig({ text, file: 'x.yaml', env, flags: { 'engine.prefillChunk': '4' } })
    expect(loaded.config.engine).toEqual({ kind: 'onnx', threads: 2, slots: 3, prefillChunk: 4 })
    expect(loaded.origin('engine.kind')).toEqual({ source: 'default' })
    expect(loaded.origin('engine.threads')).toEqual({ source: 'file', file: 'x.yaml', line: 1, column: 20 })
    expect(loaded.origin('engine.slots')).toEqual({
      source: 'environment',
      variable: 'EXOVISOR_ENGINE__SLOTS',
    })
    expect(loaded.origin('engine.prefillChunk')).toEqual({ source: 'flag', flag: 'flag engine.prefillChunk' })
    expect(loaded.file).toBe('x.yaml')
  })

  it('says of a section what the strongest source in it is, and nothing of a place that is not there', () => {
    const { origin } = parseConfig({
      text: 'api: { port: 0 }\nengine:\n',
      env: { EXOVISOR_API__HOST: 'localhost' },
    })
    expect(origin('api').source).toBe('environment')
    expect(origin('engine').source).toBe('default')
    expect(origin('no such path').source).toBe('default')
    expect(origin('api.nothing').source).toBe('default')
  })

  it('replaces a list as a whole', () => {
    const { config, origin } = parseConfig({
      text: 'api: { keys: [from-the-file, another-one] }',
      env: { EXOVISOR_API__KEYS: '[from-the-environment]' },
    })
    expect(config.api.keys).toEqual(['from-the-environment'])
    expect(origin('api.keys[0]').source).toBe('environment')
  })

  it('takes a section whose keys are all commented out as empty', () => {
    expect(parseConfig({ text: 'api:\n  # port: 0\nsupervision:\n  names:\n' }).config).toEqual(
      parseConfig({}).config,
    )
  })

  it('still refuses a key without a value', () => {
    expect(faultsOf('api: { port: }')).toMatchObject([
      { path: 'api.port', line: 1, message: 'expected a whole number from 0 to 65535, got nothing' },
    ])
  })

  it('takes anchors', () => {
    const text = `
supervision:
  policies:
    a: &patient { shutdown: 1m }
    b: *patient
`
    const { policies } = parseConfig({ text }).config.supervision
    expect(policies['a']).toEqual({ shutdown: 60_000 })
    expect(policies['b']).toEqual({ shutdown: 60_000 })
  })

  it('keeps what was written beside what it means', () => {
    const { values, config } = parseConfig({ text: 'shutdown: { drain: 90s }' })
    expect(values['shutdown']).toMatchObject({ drain: '90s' })
    expect(config.shutdown.drain).toBe(90_000)
  })

  it('does not care whether the flags are texts or values, and leaves out those that are not given', () => {
    const { config } = parseConfig({
      flags: { 'api.port': 0, 'api.enabled': 'false', 'api.host': undefined, model: '7' },
    })
    expect(config.api).toEqual({ enabled: false, host: '127.0.0.1', port: 0, keys: [] })
    expect(config.model).toBe('7')
  })
})
