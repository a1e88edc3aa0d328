import { mkdtempSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type ErrorCode, ExovisorError, errorCatalogue, incurableCodes } from '../../src/errors.ts'
import { directiveFor, type FaultKind } from '../../src/supervision/decide.ts'
import { isIncurable } from '../../src/supervision/incurable.ts'
import { type Directive, defaultPolicy, type Policy, type RestartType } from '../../src/supervision/policy.ts'

class NetError extends Error {}
class SlowNetError extends NetError {
  override readonly name = 'Slow'
}

const failed = (cause: unknown, code: ErrorCode = 'EXO_RESOURCE_FAILED') =>
  new ExovisorError(code, 'failed', { cause })
const withCode = (code: unknown, more: object = {}) => Object.assign(new Error('coded'), { code }, more)
const missing = withCode('ENOENT', { syscall: 'open', path: '/nowhere' })

/** An error of a class `C<count>`, which extends `C<count - 1>` and so on up to `C1`. */
function ofClasses(count: number): Error {
  let parent: new (message: string) => Error = Error
  for (let at = 1; at <= count; at += 1) {
    parent = class extends parent {}
    Object.defineProperty(parent, 'name', { value: `C${at}` })
  }
  return new parent('deep')
}

const policy = (decide: Policy['decide'], restart: RestartType = 'permanent'): Policy => ({
  ...defaultPolicy,
  decide,
  restart,
})

/** An error that is its own cause in the end, and one whose causes never end. */
function cyclic(): Error {
  const first = new Error('first')
  first.cause = new Error('second', { cause: first })
  return first
}
const endless = (depth = 1_000): Error =>
  new Error('deep', depth > 0 ? { cause: endless(depth - 1) } : undefined)

describe('the directive for a fault', () => {
  it.each<[string, unknown, Policy['decide'], Directive]>([
    ['its code', failed(missing), { EXO_RESOURCE_FAILED: 'stop', ENOENT: 'escalate' }, 'stop'],
    [
      'the code of a cause before any class',
      failed(missing),
      { ExovisorError: 'stop', ENOENT: 'resume' },
      'resume',
    ],
    ['a code that is a number', failed(withCode(14)), { 14: 'resume' }, 'resume'],
    [
      'the outer class before that of its cause',
      failed(new TypeError()),
      { ExovisorError: 'stop', TypeError: 'resume' },
      'stop',
    ],
    ['the class of a cause', failed(new TypeError()), { TypeError: 'stop' }, 'stop'],
    ['the name of an error', failed(new SlowNetError()), { Slow: 'stop' }, 'stop'],
    [
      'the class of an error that has another name',
      failed(new SlowNetError()),
      { SlowNetError: 'stop' },
      'stop',
    ],
    ['a class that the class extends', failed(new SlowNetError()), { NetError: 'stop' }, 'stop'],
    [
      'its own class before one that an outer class extends',
      failed(new TypeError()),
      { Error: 'stop', TypeError: 'resume' },
      'resume',
    ],
    [
      'its own class before the one above from which it has its name',
      new NetError(),
      { Error: 'restart', NetError: 'stop' },
      'stop',
    ],
    [
      'the class of a cause before one that an outer class without a name of its own extends',
      new NetError('outer', { cause: new TypeError() }),
      { Error: 'restart', TypeError: 'stop' },
      'stop',
    ],
    ['a class before *', failed(new TypeError()), { '*': 'escalate', TypeError: 'stop' }, 'stop'],
    ['* before what holds by default', failed(missing), { '*': 'restart' }, 'restart'],
    ['* for what is no error', 'a text', { '*': 'stop' }, 'stop'],
    ['* for nothing at all', undefined, { '*': 'stop' }, 'stop'],
    ['nothing by the lack of a code', new Error('any'), { undefined: 'stop' }, 'restart'],
    ['no class for what is no object', failed('a text'), { String: 'stop' }, 'restart'],
    [
      'the classes of an error whose constructor is none',
      failed(Object.assign(new SlowNetError(), { constructor: undefined })),
      { NetError: 'stop' },
      'stop',
    ],
    [
      'its own class also when something else stands in for it on the error',
      failed(Object.assign(new SlowNetError(), { constructor: { name: 5 } })),
      { Error: 'stop', SlowNetError: 'resume' },
      'resume',
    ],
    ['nothing by a name that every object has', failed(withCode('toString')), { x: 'stop' }, 'restart'],
  ])('comes from %s', (_, error, decide, expected) => {
    expect(directiveFor(error, policy(decide), 'failure')).toBe(expected)
  })

  it.each<[FaultKind, RestartType, unknown, Directive]>([
    ['failure', 'permanent', new Error('any'), 'restart'],
    ['failure', 'temporary', new Error('any'), 'restart'],
    ['failure', 'permanent', missing, 'escalate'],
    ['failure', 'transient', missing, 'stop'],
    ['failure', 'temporary', failed(missing), 'stop'],
    ['start', 'permanent', failed(missing), 'escalate'],
    ['start', 'permanent', cyclic(), 'restart'],
    ['handler', 'permanent', new Error('any'), 'resume'],
    ['handler', 'permanent', missing, 'resume'],
  ])('when nobody decides, a %s of a %s child with %s means %s', (kind, restart, error, expected) => {
    expect(directiveFor(error, policy({}, restart), kind)).toBe(expected)
    expect(directiveFor(error, policy({ Other: 'resume' }, restart), kind)).toBe(expected)
  })

  it('comes from the class of an error or the fifteen nearest that it extends, and from none further up', () => {
    const deep = ofClasses(17)
    expect(['C17', 'C2', 'C1'].map(key => directiveFor(deep, policy({ [key]: 'stop' }), 'failure'))).toEqual([
      'stop',
      'stop',
      'restart',
    ])
  })

  it('of a table that is empty costs no look at the classes of an error', () => {
    let looks = 0
    const error = Object.defineProperty(new Error('any'), 'name', {
      get: () => {
        looks += 1
        return 'Counted'
      },
    })
    expect([directiveFor(error, policy({}), 'failure'), looks]).toEqual(['restart', 0])
    expect([directiveFor(error, policy({ Counted: 'stop' }), 'failure'), looks]).toEqual(['stop', 1])
  })

  it('decides for a handler as for any other fault when the table has it', () => {
    expect(directiveFor(new TypeError(), policy({ TypeError: 'restart' }), 'handler')).toBe('restart')
  })

  it('never resumes a start, which left nothing to go on with', () => {
    expect(directiveFor(new Error('any'), policy({ '*': 'resume' }), 'start')).toBe('restart')
    expect(directiveFor(new Error('any'), policy({ '*': 'resume' }), 'failure')).toBe('resume')
  })

  it('survives errors that throw when they are looked at, that are cyclic, and that never end', () => {
    const hostile = new Proxy(new Error('hostile'), {
      get: () => {
        throw new Error('no')
      },
      has: () => true,
      getPrototypeOf: () => {
        throw new Error('no')
      },
    })
    for (const error of [
      hostile,
      failed(hostile),
      cyclic(),
      endless(),
      null,
      7,
      Symbol('x'),
      Object.create(null),
    ]) {
      expect(directiveFor(error, policy({ Never: 'stop' }), 'failure')).toBe('restart')
      expect(directiveFor(error, policy({ '*': 'stop' }), 'failure')).toBe('stop')
    }
  })
})

describe('a fault that no restart cures', () => {
  it.each<[string, unknown]>([
    ['a code of the catalogue', failed(undefined, 'EXO_CONFIG_INVALID')],
    [
      'such a code as the cause of another',
      failed(failed(undefined, 'EXO_MODEL_INVALID'), 'EXO_INTENSITY_EXCEEDED'),
    ],
    ['a missing file', missing],
    ['a missing file as a cause', failed(failed(missing))],
    ['a directory that may not be read', withCode('EACCES', { syscall: 'scandir' })],
    ['a file where a directory should be', withCode('ENOTDIR', { syscall: 'stat' })],
    ['a directory where a file should be', withCode('EISDIR', { syscall: 'read' })],
    ['a directory that may not be made', withCode('EPERM', { syscall: 'mkdir' })],
    ['a program that is not there', withCode('ENOENT', { syscall: 'spawn /usr/bin/nothing' })],
    ['a module that is not there', withCode('ERR_MODULE_NOT_FOUND')],
    ['a module that require cannot find', withCode('MODULE_NOT_FOUND')],
  ])('is %s', (_, error) => {
    expect(isIncurable(error)).toBe(true)
  })

  it.each<[string, unknown]>([
    ['any other error', new Error('any')],
    ['a refused connection', withCode('ECONNREFUSED', { syscall: 'connect' })],
    ['a socket file that is not there yet', withCode('ENOENT', { syscall: 'connect' })],
    ['a port that may not be listened on', withCode('EACCES', { syscall: 'listen' })],
    ['a port in use', failed(withCode('EADDRINUSE', { syscall: 'listen' }), 'EXO_PORT_IN_USE')],
    ['a file that somebody else has deleted first', withCode('ENOENT', { syscall: 'unlink' })],
    ['too many open files', withCode('EMFILE', { syscall: 'open' })],
    ['a full disk', withCode('ENOSPC', { syscall: 'write' })],
    ['a code without a call', withCode('ENOENT')],
    ['a text that cannot be parsed', new SyntaxError('Unexpected token')],
    ['an engine that died', failed(undefined, 'EXO_ENGINE_DIED')],
    ['a peers file that somebody is editing', failed(undefined, 'EXO_PEERS_FILE_INVALID')],
    ['nothing', undefined],
  ])('is not %s', (_, error) => {
    expect(isIncurable(error)).toBe(false)
  })

  it('is told by the errors that Node really gives', async () => {
    const nowhere = join(mkdtempSync(join(tmpdir(), 'decide-')), 'nowhere')
    const thrown = (run: () => unknown): unknown => {
      try {
        return run()
      } catch (error) {
        return error
      }
    }
    expect(isIncurable(thrown(() => readFileSync(nowhere)))).toBe(true)
    expect(isIncurable(thrown(() => readFileSync(tmpdir())))).toBe(true)
    expect(isIncurable(await import(nowhere).catch((error: unknown) => error))).toBe(true)
    const refused = await new Promise(resolve => connect(nowhere).once('error', resolve))
    expect(refused).toMatchObject({ code: 'ENOENT', syscall: 'connect' })
    expect(isIncurable(refused)).toBe(false)
  })

  it('is looked for sixteen causes deep and no further', () => {
    const under = (depth: number): Error => {
      let error: Error = missing
      for (let count = 0; count < depth; count += 1) error = new Error('outer', { cause: error })
      return error
    }
    expect([under(15), under(16)].map(isIncurable)).toEqual([true, false])
  })

  it('has codes of the catalogue only, none of which says that a retry helps', () => {
    for (const code of incurableCodes) expect(errorCatalogue[code as ErrorCode].retryable, code).toBe(false)
  })
})
