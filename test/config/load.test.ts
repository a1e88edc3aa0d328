import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'

describe('loading the configuration', () => {
  let cwd = ''
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'exovisor-config-'))
  })
  afterEach(() => rmSync(cwd, { recursive: true, force: true }))

  const write = (name: string, content: string | Uint8Array) => writeFileSync(join(cwd, name), content)
  const model = (options: { file?: string; env?: Record<string, string> } = {}) => {
    const { config, file } = loadConfig({ env: {}, cwd, ...options })
    return { model: config.model, file }
  }

  it('takes --config, else EXOVISOR_CONFIG, else ./exovisor.yaml, else the defaults', () => {
    expect(model()).toEqual({ model: 'builtin', file: undefined })
    write('exovisor.yaml', 'model: from-folder')
    expect(model()).toEqual({ model: 'from-folder', file: 'exovisor.yaml' })
    write('env.yaml', 'model: from-env')
    const env = { EXOVISOR_CONFIG: 'env.yaml' }
    expect(model({ env })).toEqual({ model: 'from-env', file: 'env.yaml' })
    write('flag.yaml', 'model: from-flag')
    expect(model({ env, file: 'flag.yaml' })).toEqual({ model: 'from-flag', file: 'flag.yaml' })
    expect(model({ file: join(cwd, 'flag.yaml') })).toEqual({ model: 'from-flag', file: 'flag.yaml' })
  })

  it('refuses a file that was named and is not there', () => {
    expect(() => model({ file: 'gone.yaml' })).toThrow(
      expect.objectContaining({ code: 'EXO_CONFIG_UNREADABLE' }),
    )
    expect(() => model({ env: { EXOVISOR_CONFIG: 'gone.yaml' } })).toThrow(/gone\.yaml/)
  })

  it('refuses what is no regular file, without waiting for it', () => {
    mkdirSync(join(cwd, 'exovisor.yaml'))
    expect(() => model()).toThrow(/exovisor\.yaml: it is not a regular file/)
    if (existsSync('/dev/zero')) expect(() => model({ file: '/dev/zero' })).toThrow(/not a regular file/)
  })

  it('refuses a file that is too large or not text', () => {
    write('exovisor.yaml', `# ${'x'.repeat(1_048_576)}`)
    expect(() => model()).toThrow(
      /exovisor\.yaml:1:1 {2}the file has 1048578 bytes, expected at most 1048576/,
    )
    write('exovisor.yaml', Uint8Array.of(0x61, 0xff, 0xfe))
    expect(() => model()).toThrow(/not text in UTF-8/)
  })

  it('names file, line and column of a fault', () => {
    write('exovisor.yaml', '# first line\nmodel: [1]\n')
    expect(() => model()).toThrow(/exovisor\.yaml:2:8 {2}model: expected a text/)
  })
})
