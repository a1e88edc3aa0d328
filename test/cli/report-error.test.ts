import { describe, expect, it } from 'vitest'
import { exitCodes } from '../../src/cli/exit-codes.ts'
import { exitCodeOf, type ReportOptions, reportError } from '../../src/cli/report-error.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { type ErrorCode, ExovisorError, errorCatalogue } from '../../src/errors.ts'

function report(error: unknown, options?: ReportOptions, isTTY = false) {
  let text = ''
  const write = (chunk: string) => {
    text += chunk
  }
  const code = reportError(error, options, { write, isTTY })
  return { text, code }
}

const taken = new ExovisorError('EXO_PORT_IN_USE', 'port 52415 on 127.0.0.1 is taken', {
  cause: new Error('listen EADDRINUSE'),
  details: { port: 52_415 },
})

describe('an error for people', () => {
  it('has message, code, cause and what to do, and no stack', () => {
    expect(report(taken)).toEqual({
      text: [
        'error: port 52415 on 127.0.0.1 is taken (EXO_PORT_IN_USE)',
        '  because: listen EADDRINUSE',
        `  to do: ${errorCatalogue.EXO_PORT_IN_USE.remedy}`,
        '',
      ].join('\n'),
      code: 1,
    })
  })

  it('has the stack with debug', () => {
    expect(report(taken, { debug: true }).text).toContain('report-error.test.ts')
  })

  it('has each fault of a configuration on a line, with its place', () => {
    const error = (() => {
      try {
        return parseConfig({ text: 'api: { prot: 1 }\nmodel: [1]\n' })
      } catch (thrown) {
        return thrown
      }
    })()
    const { text, code } = report(error)
    expect(text.split('\n').slice(0, 3)).toEqual([
      'error: the configuration has 2 faults:',
      '  exovisor.yaml:1:8  api.prot: the key "prot" is unknown, did you mean port?',
      expect.stringMatching(/^ {2}exovisor\.yaml:2:8 {2}model: expected a text .* \(EXO_CONFIG_INVALID\)$/),
    ])
    expect(code).toBe(2)
  })

  it('cannot be used to send commands to the terminal', () => {
    const { text } = report(
      new ExovisorError('EXO_PEER_REJECTED', 'peer \u001b]0;owned\u0007 said \r\u202eno\nline two'),
    )
    expect(text).toContain('peer \\u001b]0;owned\\u0007 said \\u000d\\u202eno\nline two')
  })

  it('shows what is not of the catalogue as a fault of ours', () => {
    expect(report(new TypeError('x is not a function'))).toMatchObject({
      text: expect.stringContaining('x is not a function (EXO_INTERNAL)'),
      code: 1,
    })
    expect(report('just a text').text).toContain('error: just a text')
  })
})

describe('an error for programs', () => {
  it('is one line of JSON', () => {
    const { text, code } = report(taken, { json: true })
    expect(text.indexOf('\n')).toBe(text.length - 1)
    expect(JSON.parse(text)).toEqual({
      error: {
        code: 'EXO_PORT_IN_USE',
        message: 'port 52415 on 127.0.0.1 is taken',
        meaning: errorCatalogue.EXO_PORT_IN_USE.meaning,
        remedy: errorCatalogue.EXO_PORT_IN_USE.remedy,
        retryable: false,
        details: { port: 52_415 },
        causes: ['listen EADDRINUSE'],
      },
    })
    expect(code).toBe(1)
  })

  it('has the stack with debug only', () => {
    expect(JSON.parse(report(taken, { json: true, debug: true }).text).error.stack).toContain(
      'report-error.test.ts',
    )
  })
})

describe('the exit code', () => {
  it('is 2 for wrong usage and configuration, 130 for Ctrl+C, and 1 for all else', () => {
    const codes = (Object.keys(errorCatalogue) as ErrorCode[]).map(
      code => [code, exitCodeOf(new ExovisorError(code, 'x'))] as const,
    )
    const withCode = (wanted: number) => codes.filter(([, code]) => code === wanted).map(([name]) => name)
    expect(withCode(exitCodes.usage)).toEqual([
      'EXO_CONFIG_INVALID',
      'EXO_CONFIG_UNREADABLE',
      'EXO_USAGE',
      'EXO_PUBLIC_BIND_REFUSED',
      'EXO_PEERS_FILE_INVALID',
      'EXO_SAMPLING_INVALID',
    ])
    expect(withCode(exitCodes.interrupted)).toEqual(['EXO_ABORTED'])
    expect(withCode(exitCodes.done)).toEqual([])
    expect(exitCodeOf(new Error('x'))).toBe(1)
  })
})
