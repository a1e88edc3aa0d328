import { describe, expect, it } from 'vitest'
import { type ErrorCode, ExovisorError, errorCatalogue } from '../../src/errors.ts'
import { faultForError } from '../../src/serving/error-answers.ts'
import { faultBody } from '../../src/serving/fault.ts'

const faultOf = (code: ErrorCode, details: Record<string, unknown> = {}) =>
  faultForError(new ExovisorError(code, 'told to people', { details }))

describe('answers to errors', () => {
  it.each([
    ['EXO_PROMPT_TOO_LONG', 400, 'context_length_exceeded'],
    ['EXO_SAMPLING_INVALID', 400, 'EXO_SAMPLING_INVALID'],
    ['EXO_TEMPLATE_INVALID', 400, 'EXO_TEMPLATE_INVALID'],
    ['EXO_MODEL_NOT_FOUND', 404, 'model_not_found'],
    ['EXO_ENGINE_BUSY', 429, 'EXO_ENGINE_BUSY'],
    ['EXO_NO_PLACEMENT', 503, 'EXO_NO_PLACEMENT'],
    ['EXO_FAILOVER_EXHAUSTED', 503, 'EXO_FAILOVER_EXHAUSTED'],
    ['EXO_PEER_TIMEOUT', 504, 'EXO_PEER_TIMEOUT'],
  ] as const)('answers %s with %i and the code %s', (code, status, name) => {
    expect(faultOf(code)).toMatchObject({ status, code: name, message: 'told to people' })
  })

  it('tells when to try again whenever it answers 429 or 503 to something that may pass', () => {
    for (const code of Object.keys(errorCatalogue) as ErrorCode[]) {
      const { status, headers } = faultOf(code)
      if ((status === 429 || status === 503) && errorCatalogue[code].retryable) {
        expect(headers, code).toHaveProperty('retry-after')
      }
    }
  })

  it('never answers an error with a status of success', () => {
    for (const code of Object.keys(errorCatalogue) as ErrorCode[]) {
      expect(faultOf(code).status, code).toBeGreaterThanOrEqual(400)
    }
  })

  it('names the field that the error names', () => {
    expect(faultOf('EXO_PROMPT_TOO_LONG', { param: 'messages' }).param).toBe('messages')
    expect(faultOf('EXO_PROMPT_TOO_LONG', { param: 5 }).param).toBeNull()
  })

  it('shows the meaning instead of the message where the message is not for callers', () => {
    expect(faultOf('EXO_MODEL_INVALID')).toMatchObject({
      status: 500,
      code: 'EXO_MODEL_INVALID',
      message: errorCatalogue.EXO_MODEL_INVALID.meaning,
    })
    expect(faultForError('a thrown string')).toMatchObject({ status: 500, code: 'EXO_INTERNAL' })
  })

  it.each([
    ['EXO_REQUEST_INVALID', 'invalid_request_error'],
    ['EXO_ENGINE_BUSY', 'rate_limit_error'],
    ['EXO_NO_PLACEMENT', 'server_error'],
  ] as const)('gives %s the type %s', (code, type) => {
    expect(faultBody(faultOf(code)).error).toEqual({
      message: 'told to people',
      type,
      param: null,
      code,
    })
  })
})
