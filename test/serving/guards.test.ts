import type { FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import type { ApiOptions } from '../../src/serving/api-options.ts'
import { refuseForeignPage } from '../../src/serving/browser-guard.ts'
import { createApi } from '../../src/serving/create-api.ts'
import { isLoopback } from '../../src/serving/loopback.ts'
import { FakeBackend } from './fake-backend.ts'

let app: FastifyInstance
afterEach(() => app?.close())

const metrics = {
  contentType: 'text/plain',
  render: async () => '',
  requestStarted: () => undefined,
  requestFinished: () => undefined,
}

function api(options: Partial<ApiOptions> = {}): FastifyInstance {
  app = createApi({ backend: new FakeBackend(), metrics, ...options })
  return app
}

const key = 'correct-horse'
const payload = { model: 'tiny', prompt: 'x' }

describe('keys', () => {
  it('asks every route for a key, but those for probes and the front page', async () => {
    const routes: { url: string; method: string }[] = []
    api({
      keys: [key],
      routes: it =>
        it.addHook('onRoute', ({ url, method }) => {
          for (const one of [method].flat()) routes.push({ url, method: one })
        }),
    })
    await app.ready()
    const open: string[] = []
    for (const { url, method } of routes) {
      const response = await app.inject({ method: method as 'GET', url: url.replace('*', 'tiny') })
      if (response.statusCode !== 401) open.push(`${method} ${url}`)
    }
    expect(routes.length).toBeGreaterThanOrEqual(12)
    expect(open.sort()).toEqual([
      'GET /',
      'GET /livez',
      'GET /readyz',
      'HEAD /',
      'HEAD /livez',
      'HEAD /readyz',
    ])
  })

  it.each([
    undefined,
    'Bearer',
    'Bearer ',
    'Bearer wrong-horse',
    `Bearer ${key}x`,
    `Bearer ${key.slice(0, -1)}`,
    `Basic ${key}`,
    key,
    `Bearer ${key} ${key}`,
  ])('refuses the header %j in the shape of OpenAI', async authorization => {
    const response = await api({ keys: ['another-key', key] }).inject({
      url: '/v1/models',
      headers: { ...(authorization !== undefined && { authorization }) },
    })
    expect(response.statusCode).toBe(401)
    expect(response.headers['www-authenticate']).toBe('Bearer')
    expect(response.json()).toEqual({
      error: {
        message: expect.stringMatching(/API key/),
        type: 'invalid_request_error',
        param: null,
        code: 'invalid_api_key',
      },
    })
    expect(response.body).not.toContain('horse')
  })

  it.each(['Bearer correct-horse', 'bearer correct-horse', 'Bearer another-key'])(
    'takes %j',
    async authorization => {
      const response = await api({ keys: ['another-key', key] }).inject({
        url: '/v1/models',
        headers: { authorization },
      })
      expect(response.statusCode).toBe(200)
    },
  )

  it('does not tell a stranger which paths there are', async () => {
    api({ keys: [key] })
    expect((await app.inject('/nothing')).statusCode).toBe(401)
    expect((await app.inject({ method: 'DELETE', url: '/v1/models' })).statusCode).toBe(401)
  })

  it('does not read the body of a stranger', async () => {
    const response = await api({ keys: [key] }).inject({
      method: 'POST',
      url: '/v1/completions',
      headers: { 'content-type': 'application/json' },
      payload: '{bad',
    })
    expect(response.statusCode).toBe(401)
  })

  it('opens a route that is marked public', async () => {
    api({ keys: [key], routes: it => void it.get('/open', { config: { public: true } }, () => 'yes') })
    expect((await app.inject('/open')).body).toBe('yes')
  })
})

describe('pages of other sites', () => {
  const call = (headers: Record<string, string>) =>
    app.inject({ method: 'POST', url: '/v1/completions', headers, payload })

  it.each([
    'evil.example',
    'evil.example:52415',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'x@localhost',
    '10.0.0.5',
  ])('refuses the Host %j on loopback without keys', async host => {
    api()
    const response = await app.inject({ url: '/v1/models', headers: { host } })
    expect(response.statusCode).toBe(403)
    expect(response.json().error).toMatchObject({ type: 'permission_error', code: 'host_not_allowed' })
  })

  it.each(['localhost', 'LOCALHOST:52415', '127.0.0.1:52415', '[::1]:52415', '127.0.0.2'])(
    'takes the Host %j',
    async host => {
      api()
      expect((await app.inject({ url: '/v1/models', headers: { host } })).statusCode).toBe(200)
    },
  )

  it.each([
    'https://evil.example',
    'null',
    'http://localhost.evil.example',
    'file://',
    'http://192.168.0.9:3000',
  ])('refuses a POST from the Origin %j', async origin => {
    api()
    const response = await call({ origin })
    expect(response.statusCode).toBe(403)
    expect(response.json().error.code).toBe('origin_not_allowed')
  })

  it.each(['http://localhost:3000', 'http://127.0.0.1:52415', 'http://[::1]:8080'])(
    'takes a POST from the Origin %j',
    async origin => {
      api()
      expect((await call({ origin })).statusCode).toBe(200)
    },
  )

  it.each([undefined, ''])(
    'refuses the Host %j, as it comes from no browser and no client of HTTP/1.1',
    host => {
      expect(
        refuseForeignPage({ method: 'GET', headers: { ...(host !== undefined && { host }) } }),
      ).toMatchObject({
        status: 403,
        message: expect.stringMatching(/the Host header is (missing|"")/),
      })
    },
  )

  it('does not need this where a key is needed', async () => {
    api({ keys: [key] })
    const headers = { host: 'evil.example', origin: 'https://evil.example', authorization: `Bearer ${key}` }
    expect((await call(headers)).statusCode).toBe(200)
  })

  it('does not ask for a loopback Host where it listens beyond loopback', async () => {
    api({ host: '0.0.0.0', keys: [key] })
    expect((await app.inject({ url: '/livez', headers: { host: 'attic.lan' } })).statusCode).toBe(200)
  })
})

describe('loopback', () => {
  it.each(['127.0.0.1', '127.8.9.1', '::1', '[::1]', 'localhost', 'LocalHost', '::ffff:127.0.0.1'])(
    'is %s',
    host => expect(isLoopback(host)).toBe(true),
  )
  it.each([
    '0.0.0.0',
    '::',
    '',
    '10.0.0.1',
    '128.0.0.1',
    'attic',
    'localhost.evil.example',
    '127.1',
    '::ffff:10.0.0.1',
  ])('is not %j', host => expect(isLoopback(host)).toBe(false))
})
