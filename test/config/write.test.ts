import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { describeConfig } from '../../src/config/describe.ts'
import { inlineYaml } from '../../src/config/inline-yaml.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { resolvePolicies } from '../../src/config/resolve-policies.ts'
import { configTemplate, writeValues } from '../../src/config/write.ts'

describe('the template of a configuration file', () => {
  const text = configTemplate()

  it('says the same as no file at all', () => {
    const { config } = parseConfig({ text })
    expect(config).toEqual(parseConfig({}).config)
    expect(resolvePolicies(config)).toEqual(resolvePolicies(parseConfig({}).config))
  })

  it('has every key, its default and its description', () => {
    for (const { path, type, default: value, description } of describeConfig()) {
      if (path.startsWith('supervision.kinds') || path.startsWith('supervision.names')) continue
      const key = path.split('.').at(-1)
      expect(text, path).toContain(`# ${description}\n`)
      if (type === 'section' || (type === 'map' && value !== '{}'))
        expect(text, path).toMatch(new RegExp(`^ *${key}:$`, 'm'))
      else if (value === undefined) expect(text, path).toMatch(new RegExp(`^ *# ${key}: <${type}>$`, 'm'))
      else expect(text, path).toContain(`  ${key}: ${value}\n`.replace('  model', 'model'))
    }
  })

  it('points editors to a schema when there is one', () => {
    expect(configTemplate('s.json').split('\n')[0]).toBe('# yaml-language-server: $schema=s.json')
    expect(text.split('\n')[0]).toMatch(/^# The configuration/)
  })
})

describe('values written as a file', () => {
  it('read back as the same, whatever the names and texts are', () => {
    const name = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 20 })
      .filter(text => text !== '__proto__')
    fc.assert(
      fc.property(
        fc.dictionary(name, fc.constant({ shutdown: '1s' }), { maxKeys: 3 }),
        name,
        (names, model) => {
          const { values, config } = parseConfig({ flags: { 'supervision.names': names, model } })
          expect(parseConfig({ text: writeValues(values) }).config).toEqual(config)
        },
      ),
    )
  })

  it('stay on one line each', () => {
    expect(inlineYaml('a\nb: c # d')).not.toContain('\n')
    expect(parse(inlineYaml('a\nb: c # d'))).toBe('a\nb: c # d')
  })

  it('keep their type, whatever they look like', () => {
    for (const value of [
      '12345678',
      'true',
      'null',
      '~',
      '1e3',
      '',
      ' a ',
      '- a',
      '-\n\u00a0',
      '\u2028',
      'ü',
      '🙂',
      1,
      true,
    ])
      expect(parse(inlineYaml([value, { key: value }]))).toEqual([value, { key: value }])
  })

  it('hide secrets and carry remarks', () => {
    const { values } = parseConfig({
      text: 'grpc: { key: hunter2-hunter2 }\napi: { keys: [hunter2-hunter2] }',
    })
    const text = writeValues(values, path => path.join('/'))
    expect(text).not.toContain('hunter2')
    expect(text).toContain('  key: (hidden) # grpc/key\n')
    expect(text).toContain('  keys: [ (hidden) ] # api/keys\n')
  })
})
