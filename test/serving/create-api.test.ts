import type { FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { ExovisorError } from '../../src/errors.ts'
import type { ApiOptions } from '../../src/serving/api-options.ts'
import { createApi } from '../../src/serving/create-api.ts'
import { FakeBackend, sayingThenFailing } from './fake-backend.ts'

let app: FastifyInstance
afterEach(() => app.close())

const chat = { model: 'tiny', messages: [{ role: 'user', content: 'Hi' }] }

function api(options: Partial<ApiOptions> = {}): FastifyInstance {
  app = createApi({
    backend: new FakeBackend(),
    unixTime: () => 1_800_000_000,
    newId: () => 'abc',
    ...options,
  })
  return app
}

const post = (url: string, payload: unknown, headers: Record<string, string> = {}) =>
  app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', ...headers },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  })

const fault = (message: string | RegExp, type: string, param: string | null, code: string) => ({
  error: { message: expect.stringMatching(message), type, param, code },
})

describe('answers in one piece', () => {
  it('answers a chat in the shape of OpenAI, with usage', async () => {
    api()
    const response = await post('/v1/chat/completions', chat)
    expect(response.statusCode).toBe(200)
    expect(response.json()).toEqual({
      id: 'chatcmpl-abc',
      object: 'chat.completion',
      created: 1_800_000_000,
      model: 'tiny',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello world', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    })
  })

  it('continues a text in the shape of OpenAI, with usage', async () => {
    api()
    const response = await post('/v1/completions', { model: 'org/base', prompt: 'Once' })
    expect(response.json()).toEqual({
      id: 'cmpl-abc',
      object: 'text_completion',
      created: 1_800_000_000,
      model: 'org/base',
      choices: [{ index: 0, text: 'Hello world', logprobs: null, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    })
  })

  it('refuses a model that is not there with 404 and lists those that are', async () => {
    api()
    const response = await post('/v1/chat/completions', { ...chat, model: 'huge' })
    expect(response.statusCode).toBe(404)
    expect(response.json()).toEqual(
      fault(
        /no model "huge"; expected one of: tiny, org\/base/,
        'invalid_request_error',
        'model',
        'model_not_found',
      ),
    )
  })

  it('refuses a chat with a model that has no chat template', async () => {
    api()
    const response = await post('/v1/chat/completions', { ...chat, model: 'org/base' })
    expect(response.statusCode).toBe(400)
    expect(response.json()).toEqual(
      fault(/"org\/base" has no chat template/, 'invalid_request_error', 'model', 'EXO_TEMPLATE_INVALID'),
    )
  })

  it('gives a failure of the backend its status and Retry-After', async () => {
    const busy = new ExovisorError('EXO_ENGINE_BUSY', 'all 4 slots of engine tiny are taken')
    api({ backend: new FakeBackend(sayingThenFailing(busy)) })
    const response = await post('/v1/chat/completions', chat)
    expect(response.statusCode).toBe(429)
    expect(response.headers['retry-after']).toBe('1')
    expect(response.json()).toEqual(fault(/all 4 slots/, 'rate_limit_error', null, 'EXO_ENGINE_BUSY'))
  })

  it('hides the message of an unexpected failure from the caller and gives it to the log', async () => {
    const lines: object[] = []
    const log = { debug: () => undefined, error: (fields: object) => void lines.push(fields) }
    api({ log, backend: new FakeBackend(sayingThenFailing(new Error('/secret/path broke'))) })
    const response = await post('/v1/chat/completions', chat)
    expect(response.statusCode).toBe(500)
    expect(response.body).not.toContain('secret')
    expect(response.json()).toEqual(fault(/fault in Exovisor/, 'server_error', null, 'EXO_INTERNAL'))
    expect(lines).toMatchObject([{ error: { code: 'EXO_INTERNAL', message: '/secret/path broke' } }])
  })

  it('reports a backend that ends without done as a fault of ours', async () => {
    api({ backend: new FakeBackend(async function* () {}) })
    const response = await post('/v1/completions', { model: 'tiny', prompt: 'x' })
    expect(response.statusCode).toBe(500)
    expect(response.json().error.code).toBe('EXO_INTERNAL')
  })
})

describe('everything else is refused in the same shape', () => {
  it('says 404 for a path that is not there', async () => {
    const response = await api().inject('/v1/nothing?x=1')
    expect(response.statusCode).toBe(404)
    expect(response.json()).toEqual(fault(/"\/v1\/nothing"/, 'invalid_request_error', null, 'not_found'))
  })

  it.each([
    ['GET', '/v1/chat/completions', 'POST'],
    ['DELETE', '/v1/models/tiny', 'GET, HEAD'],
    ['OPTIONS', '/v1/models', 'GET, HEAD'],
    ['POST', '/', 'GET, HEAD'],
  ] as const)('says 405 for %s %s and allows %s', async (method, url, allow) => {
    const response = await api().inject({ method, url })
    expect(response.statusCode).toBe(405)
    expect(response.headers['allow']).toBe(allow)
    expect(response.json()).toEqual(
      fault(`does not take ${method}`, 'invalid_request_error', null, 'method_not_allowed'),
    )
  })

  it.each([
    ['bad JSON', '{"model":', 400, 'invalid_json'],
    ['an empty body', '', 400, 'EXO_REQUEST_INVALID'],
    ['JSON that poisons prototypes', '{"__proto__":{"x":1}}', 400, 'invalid_json'],
    ['JSON that is no object', '[1]', 400, 'EXO_REQUEST_INVALID'],
    ['a million brackets', '['.repeat(1_000_000), 400, 'invalid_json'],
    [
      'a deep object in an ignored field',
      `{"metadata":${'['.repeat(90_000)}${']'.repeat(90_000)}}`,
      400,
      'EXO_REQUEST_INVALID',
    ],
    ['a body beyond 1 MiB', `"${'x'.repeat(1_048_576)}"`, 413, 'body_too_large'],
  ])('refuses %s', async (_what, payload, status, code) => {
    api()
    const response = await post('/v1/chat/completions', payload)
    expect(response.statusCode).toBe(status)
    expect(response.json()).toMatchObject({ error: { type: 'invalid_request_error', code } })
  })

  it('takes a body of just under 1 MiB', async () => {
    api()
    const payload = { model: 'tiny', prompt: 'x'.repeat(1_048_576 - 100) }
    expect((await post('/v1/completions', payload)).statusCode).toBe(200)
  })

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'refuses a body of the media type %s',
    async type => {
      api()
      const response = await post('/v1/chat/completions', chat, { 'content-type': type })
      expect(response.statusCode).toBe(415)
      expect(response.json()).toEqual(
        fault(/content-type: application\/json/, 'invalid_request_error', null, 'unsupported_media_type'),
      )
    },
  )

  it('refuses a POST without body and without media type', async () => {
    const response = await api().inject({ method: 'POST', url: '/v1/completions' })
    expect(response.statusCode).toBe(400)
    expect(response.json()).toEqual(fault(/body/, 'invalid_request_error', null, 'EXO_REQUEST_INVALID'))
  })

  it('refuses a path that cannot be decoded', async () => {
    const response = await api().inject('/v1/models/%E0%A4%A')
    expect(response.statusCode).toBe(400)
    expect(response.headers['x-request-id']).toBe('abc')
    expect(response.json()).toEqual(fault(/./, 'invalid_request_error', null, 'EXO_REQUEST_INVALID'))
  })
})

describe('models', () => {
  it('lists the models', async () => {
    const response = await api().inject('/v1/models')
    expect(response.json()).toEqual({
      object: 'list',
      data: [
        {
          id: 'tiny',
          object: 'model',
          created: 1_700_000_000,
          owned_by: 'exovisor',
          context_length: 512,
          chat: true,
        },
        {
          id: 'org/base',
          object: 'model',
          created: 1_700_000_001,
          owned_by: 'exovisor',
          context_length: 256,
          chat: false,
        },
      ],
    })
  })

  it.each(['/v1/models/org/base', '/v1/models/org%2Fbase'])('shows one model at %s', async url => {
    expect((await api().inject(url)).json()).toMatchObject({ id: 'org/base', object: 'model' })
  })

  it('says 404 for a model that is not there', async () => {
    const response = await api().inject('/v1/models/huge')
    expect(response.statusCode).toBe(404)
    expect(response.json()).toEqual(fault(/"huge"/, 'invalid_request_error', 'model', 'model_not_found'))
  })
})

describe('probes, numbers and the front page', () => {
  it('is alive whatever the backend says', async () => {
    const backend = new FakeBackend()
    backend.readiness_ = { ready: false, reasons: ['no placement'] }
    expect((await api({ backend }).inject('/livez')).statusCode).toBe(200)
  })

  it('is ready when the backend is, else tells the reasons', async () => {
    const backend = new FakeBackend()
    api({ backend })
    expect((await app.inject('/readyz')).statusCode).toBe(200)
    backend.readiness_ = { ready: false, reasons: ['layers 3 to 5 have no node'] }
    const response = await app.inject('/readyz')
    expect(response.statusCode).toBe(503)
    expect(response.json()).toEqual({ status: 'not ready', reasons: ['layers 3 to 5 have no node'] })
  })

  it('serves what the metrics render', async () => {
    const metrics = {
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      render: async () => 'exovisor_up 1\n',
      requestStarted: () => undefined,
      requestFinished: () => undefined,
    }
    const response = await api({ metrics }).inject('/metrics')
    expect(response.body).toBe('exovisor_up 1\n')
    expect(response.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
  })

  it('has no /metrics without metrics', async () => {
    expect((await api().inject('/metrics')).statusCode).toBe(404)
  })

  it('says at / what this is, with a call that works as it stands', async () => {
    const text = (await api().inject('/')).body
    expect(text).toContain('Exovisor')
    const body = /-d '(.*)'/.exec(text)?.[1] ?? ''
    const path = /curl http:\/\/[^/]+(\S+)/.exec(text)?.[1] ?? ''
    expect((await post(path, body)).statusCode).toBe(200)
  })

  it('leaves / to a route that was added', async () => {
    api({ routes: it => void it.get('/', { config: { public: true } }, () => 'the console') })
    expect((await app.inject('/')).body).toBe('the console')
  })
})

describe('request ids', () => {
  it('returns the id that the caller gave', async () => {
    const response = await api().inject({ url: '/livez', headers: { 'x-request-id': 'call-7.a:b_c' } })
    expect(response.headers['x-request-id']).toBe('call-7.a:b_c')
  })

  it.each(['', 'with space', 'x'.repeat(129), 'new\tline'])('replaces the unfit id %j', async id => {
    const response = await api().inject({ url: '/livez', headers: { 'x-request-id': id } })
    expect(response.headers['x-request-id']).toBe('abc')
  })

  it('gives an id to refusals too', async () => {
    expect((await api().inject('/nothing')).headers['x-request-id']).toBe('abc')
  })
})
