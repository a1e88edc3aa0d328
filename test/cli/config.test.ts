import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { configCommand } from '../../src/cli/config.ts'
import { exitCodeOf } from '../../src/cli/report-error.ts'
import { configShape } from '../../src/config/shape.ts'

let cwd = ''
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'exovisor-cli-'))
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

/** Runs `exovisor config ...` and gives its output and exit code. */
function run(parts: readonly string[], env: Record<string, string> = {}) {
  const result = { out: '', code: 0, error: '' }
  const command = configCommand({
    stdout: {
      write: text => {
        result.out += text
      },
    },
    env,
    cwd,
    setExitCode: code => {
      result.code = code
    },
  })
  for (const each of [command, ...command.commands])
    each.exitOverride().configureOutput({ writeErr: () => undefined })
  try {
    command.parse([...parts], { from: 'user' })
  } catch (error) {
    result.code = exitCodeOf(error)
    result.error = error instanceof Error ? error.message : String(error)
  }
  return result
}

const write = (name: string, text: string) => writeFileSync(join(cwd, name), text)
const read = (name: string) => readFileSync(join(cwd, name), 'utf8')

describe('exovisor config check', () => {
  it('ends with 0 when there are no faults, with and without a file', () => {
    expect(run(['check'])).toEqual({ out: 'no file, the defaults: no faults\n', code: 0, error: '' })
    write('exovisor.yaml', 'model: builtin\n')
    expect(run(['check'])).toEqual({ out: 'exovisor.yaml: no faults\n', code: 0, error: '' })
  })

  it('ends with 2 and names every fault of the file and of the environment', () => {
    write('my.yaml', 'api:\n  prot: 1\n  host: [1]\n')
    const { out, code, error } = run(['check', 'my.yaml'], { EXOVISOR_API__PORT: 'x' })
    expect({ out, code }).toEqual({ out: '', code: 2 })
    expect(error).toContain('my.yaml:2:3  api.prot')
    expect(error).toContain('my.yaml:3:9  api.host')
    expect(error).toContain('EXOVISOR_API__PORT  api.port')
  })

  it('ends with 2 when the file is not there', () => {
    expect(run(['check', 'gone.yaml'])).toMatchObject({
      code: 2,
      error: expect.stringContaining('gone.yaml'),
    })
  })

  it('writes the same as one JSON document', () => {
    write('exovisor.yaml', 'api: { prot: 1 }\n')
    const { out, code } = run(['check', '--json'])
    expect(code).toBe(2)
    expect(JSON.parse(out)).toEqual({
      ok: false,
      faults: [
        {
          place: 'exovisor.yaml:1:8',
          source: 'file',
          line: 1,
          column: 8,
          path: 'api.prot',
          message: 'the key "prot" is unknown, did you mean port?',
          expected: 'one of enabled, host, port, keys',
          suggestion: 'port',
        },
      ],
    })
    write('exovisor.yaml', '')
    expect(run(['check', '--json'])).toEqual({
      out: '{"ok":true,"file":"exovisor.yaml"}\n',
      code: 0,
      error: '',
    })
  })
})

describe('exovisor config schema', () => {
  it('writes the JSON Schema', () => {
    expect(JSON.parse(run(['schema']).out)).toEqual(configShape)
  })
})

describe('exovisor config init', () => {
  it('writes a file that check accepts', () => {
    expect(run(['init'])).toEqual({ out: 'created exovisor.yaml\n', code: 0, error: '' })
    expect(read('exovisor.yaml')).toContain('  port: 52415\n')
    expect(run(['check']).code).toBe(0)
    expect(existsSync(join(cwd, 'exovisor.schema.json'))).toBe(false)
  })

  it('replaces a file only when told to', () => {
    write('mine.yaml', 'model: mine\n')
    expect(run(['init', 'mine.yaml'])).toMatchObject({
      out: '',
      code: 2,
      error: 'mine.yaml is there already, expected a new name or --force',
    })
    expect(read('mine.yaml')).toBe('model: mine\n')
    expect(run(['init', 'mine.yaml', '--force']).code).toBe(0)
    expect(read('mine.yaml')).toContain('model: builtin\n')
  })

  it('writes the schema beside it when asked, and points editors to it', () => {
    expect(run(['init', '--schema']).out).toBe('created exovisor.yaml\ncreated exovisor.schema.json\n')
    expect(read('exovisor.yaml').split('\n')[0]).toBe('# yaml-language-server: $schema=exovisor.schema.json')
    expect(JSON.parse(read('exovisor.schema.json'))).toEqual(configShape)
  })

  it('says why it cannot write', () => {
    expect(run(['init', 'no/such/folder.yaml'])).toMatchObject({
      code: 2,
      error: expect.stringContaining('cannot write no/such/folder.yaml'),
    })
  })
})

describe('exovisor config print', () => {
  const env = { EXOVISOR_GRPC__KEY: 'hunter2-hunter2', EXOVISOR_ENGINE__SLOTS: '9' }

  it('writes what is in force as a file that reads back, with secrets hidden', () => {
    write('exovisor.yaml', 'shutdown: { drain: 90s }\n')
    const { out } = run(['print'], env)
    expect(parse(out)).toMatchObject({
      shutdown: { drain: '90s' },
      engine: { slots: 9 },
      grpc: { key: '(hidden)' },
      model: 'builtin',
    })
    expect(out).not.toContain('hunter2')
  })

  it('says where each value comes from', () => {
    write('exovisor.yaml', 'shutdown: { drain: 90s }\n')
    const { out } = run(['print', '--origin'], env)
    expect(out).toContain('  drain: 90s # exovisor.yaml:1:20\n')
    expect(out).toContain('  slots: 9 # EXOVISOR_ENGINE__SLOTS\n')
    expect(out).toContain('model: builtin # default\n')
  })

  it('writes JSON, with the origin of each value by its path', () => {
    write('exovisor.yaml', 'supervision: { names: { "peer:attic": { shutdown: 1s } } }\n')
    const { out } = run(['print', '--json', '--origin'], env)
    const { file, values, origins } = JSON.parse(out)
    expect(file).toBe('exovisor.yaml')
    expect(values.supervision.names).toEqual({ 'peer:attic': { shutdown: '1s' } })
    expect(values.grpc.key).toBe('(hidden)')
    expect(origins['supervision.names["peer:attic"].shutdown']).toBe('exovisor.yaml:1:51')
    expect(origins['engine.slots']).toBe('EXOVISOR_ENGINE__SLOTS')
    expect(origins['api.keys']).toBe('default')
    expect(JSON.parse(run(['print', '--json']).out)).not.toHaveProperty('origins')
  })
})

describe('exovisor config', () => {
  it('leaves wrong usage to commander', () => {
    expect(run(['check', '--nope']).error).toContain('unknown option')
    expect(run(['chekc']).error).toContain('unknown command')
  })
})
