import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { ExovisorError } from '../../src/errors.ts'
import { createLogger, type LoggerOptions } from '../../src/observe/logger.ts'
import { hideSecretFacts } from '../../src/observe/secrets.ts'
import type { ResourceLog } from '../../src/resources/log.ts'

function capture(options: Omit<LoggerOptions, 'to'> = {}) {
  const lines: string[] = []
  const log = createLogger({ ...options, to: { write: line => void lines.push(line) } })
  return { log, lines, facts: () => lines.map(line => JSON.parse(line) as Record<string, unknown>) }
}

const unreachable = new ExovisorError('EXO_PEER_UNREACHABLE', 'peer attic cannot be reached', {
  cause: new Error('refused'),
  details: { key: 'hunter2', port: 1 },
})

describe('the log for programs', () => {
  it('is one JSON document a line, with level, time and message', () => {
    const { log, lines, facts } = capture()
    log.info({ port: 1 }, 'first\nline')
    log.child({ resource: 'peer:attic' }).warn({}, 'second')
    expect(lines.every(line => line.indexOf('\n') === line.length - 1)).toBe(true)
    expect(facts()).toMatchObject([
      {
        level: 'info',
        pid: process.pid,
        port: 1,
        msg: 'first\nline',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
      },
      { level: 'warn', resource: 'peer:attic', msg: 'second' },
    ])
  })

  it('leaves out what is below its level', () => {
    const { log, lines } = capture({ level: 'warn' })
    log.debug({}, 'a')
    log.info({}, 'b')
    log.error({}, 'c')
    expect(lines).toHaveLength(1)
    const silent = capture({ level: 'silent' })
    silent.log.error({}, 'd')
    expect(silent.lines).toEqual([])
  })

  it('turns an error of the catalogue into its code, message, details and causes', () => {
    const { log, facts } = capture()
    log.error({ error: unreachable }, 'lost')
    expect(facts()[0]?.['error']).toEqual({
      code: 'EXO_PEER_UNREACHABLE',
      message: 'peer attic cannot be reached',
      details: { key: '(hidden)', port: 1 },
      causes: ['refused'],
    })
  })

  it('keeps the stack of an error that nobody planned, and of every error at debug', () => {
    const { log, facts } = capture()
    log.error({ err: new TypeError('bad') }, 'a')
    expect(facts()[0]).toMatchObject({
      err: { type: 'TypeError', stack: expect.stringContaining('logger.test') },
    })
    const debug = capture({ level: 'debug' })
    debug.log.error({ error: unreachable }, 'b')
    expect(debug.facts()[0]).toMatchObject({ error: { stack: expect.stringContaining('logger.test') } })
  })

  it('never writes a secret, however deep it lies and wherever it was bound', () => {
    const { log, lines } = capture({ level: 'debug' })
    const secret = 'hunter2'
    const deep = { a: { b: [{ c: { d: { apiKey: secret } } }] } }
    log.info({ key: secret, config: { api: { keys: [secret] }, grpc: { key: secret } }, deep }, 'a')
    log.child({ password: secret }).info({ headers: { Authorization: secret, cookie: secret } }, 'b')
    log.error({ error: unreachable }, 'c')
    expect(lines.join('')).not.toContain(secret)
    expect(lines).toHaveLength(3)
  })

  it('fits as the log of the runtime', () => {
    const log: ResourceLog = capture().log
    expect(log.info).toBeTypeOf('function')
  })
})

describe('hiding secrets', () => {
  it('copies nothing that holds none, and never changes what it was given', () => {
    const plain = { a: [{ b: 1 }], when: new Date(0) }
    expect(hideSecretFacts(plain)).toBe(plain)
    const secret = { a: { key: 'x', b: 1 } }
    expect(hideSecretFacts(secret)).toEqual({ a: { key: '(hidden)', b: 1 } })
    expect(secret.a.key).toBe('x')
  })

  it('ends, even for facts that contain themselves', () => {
    const loop: Record<string, unknown> = { key: 'x' }
    loop['again'] = loop
    expect(JSON.stringify(hideSecretFacts(loop))).not.toContain('"x"')
  })
})

describe('the log for people', () => {
  it('has time, level, message and facts on a line', () => {
    const { log, lines } = capture({ format: 'pretty', colour: false })
    log.info({ port: 1, at: 5, window: { used: 0 } }, 'listening')
    expect(lines.join('')).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: listening \{"port":1\}\n$/)
  })

  it('says an error in one line, whether it is thrown or recorded', () => {
    const record = {
      code: 'EXO_PEER_UNREACHABLE',
      message: 'peer attic cannot be reached',
      causes: ['refused'],
    }
    for (const error of [unreachable, record]) {
      const { log, lines } = capture({ format: 'pretty', colour: false })
      log.error({ error }, 'lost')
      expect(lines.join('')).toContain('EXO_PEER_UNREACHABLE: peer attic cannot be reached, because: refused')
      expect(lines.join('').split('\n')).toHaveLength(3)
    }
  })

  it('has colours only when asked for or on a terminal', () => {
    const { log, lines } = capture({ format: 'pretty', colour: true })
    log.info({}, 'x')
    expect(lines.join('')).toContain('\u001b[')
    const plain = capture({ format: 'pretty' })
    plain.log.info({}, 'x')
    expect(plain.lines.join('')).not.toContain('\u001b[')
  })
})

describe('the log of a process', () => {
  const run = (options: LoggerOptions) => {
    const logger = fileURLToPath(new URL('../../src/observe/logger.ts', import.meta.url))
    const script = `const { createLogger } = await import(${JSON.stringify(logger)})
createLogger(${JSON.stringify(options)}).info({ key: 'hunter2' }, 'last words'); process.exit(0)`
    return execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
  }

  it('reaches its stream before the process exits, in both forms', () => {
    expect(JSON.parse(run({ to: 'stdout' }))).toMatchObject({ msg: 'last words', key: '(hidden)' })
    expect(run({ to: 'stdout', format: 'pretty' })).toContain('INFO: last words')
    expect(run({})).toBe('')
  })
})
