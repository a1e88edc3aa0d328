import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  ExovisorError,
  errorCatalogue,
  fromErrorRecord,
  isExovisorError,
  toErrorRecord,
} from '../src/errors.ts'

const root = resolve(import.meta.dirname, '..')
const codes = Object.keys(errorCatalogue)

describe('the error catalogue', () => {
  it('holds no code that nothing throws', () => {
    const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts') && !name.startsWith('errors'))
      .map(name => readFileSync(join(root, 'src', name), 'utf8'))
      .join('\n')
    expect(codes.filter(code => !sources.includes(`'${code}'`))).toEqual([])
  })

  it('is what the README lists, in both directions', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8')
    const listed = [...readme.matchAll(/^\| `(EXO_[A-Z_]+)` \|/gm)].map(match => match[1])
    expect(listed).toEqual(codes)
  })

  it('says of each code in one sentence what has happened, and in one what to do', () => {
    for (const { meaning, remedy } of Object.values(errorCatalogue))
      for (const sentence of [meaning, remedy]) expect(sentence).toMatch(/^\S.{9,119}[^.\s]$/)
  })
})

describe('an error', () => {
  it('keeps its code, its details and its chain of causes on the way over a wire', () => {
    const cause = new Error('the socket', { cause: new Error('the cable') })
    const error = new ExovisorError('EXO_PEER_UNREACHABLE', 'attic', { cause, details: { endpoint: 'a:1' } })
    const record = toErrorRecord(error)
    expect(record).toEqual({
      code: 'EXO_PEER_UNREACHABLE',
      message: 'attic',
      details: { endpoint: 'a:1' },
      causes: ['the socket', 'the cable'],
    })
    const back = fromErrorRecord(JSON.parse(JSON.stringify(record)))
    expect(back).toMatchObject({
      code: 'EXO_PEER_UNREACHABLE',
      message: 'attic',
      retryable: true,
      details: { endpoint: 'a:1' },
    })
  })

  it('of a code that this version does not know becomes EXO_INTERNAL', () => {
    expect(fromErrorRecord({ code: 'toString' as never, message: 'x' }).code).toBe('EXO_INTERNAL')
  })

  it('that is none of ours gets the code that the caller thinks of', () => {
    expect(toErrorRecord(new Error('x'), 'EXO_ENGINE_FAILED').code).toBe('EXO_ENGINE_FAILED')
    expect(toErrorRecord('x')).toEqual({ code: 'EXO_INTERNAL', message: 'x' })
    expect(isExovisorError(new Error('x'))).toBe(false)
  })
})
