import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { deferred } from '../../src/concurrency/deferred.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import {
  type ApiListenOptions,
  defaultApiPort,
  type RunningApi,
  startApi,
} from '../../src/serving/start-api.ts'
import { done, FakeBackend, sayingThenHanging, token } from './fake-backend.ts'
import { eventsOf, send, text } from './http-client.ts'

const running: RunningApi[] = []
afterEach(async () => {
  for (const api of running.splice(0)) await api.close({ signal: AbortSignal.abort() })
})

async function start(options: Partial<ApiListenOptions> = {}): Promise<RunningApi> {
  const api = await startApi({ port: 0, backend: new FakeBackend(), ...options })
  running.push(api)
  return api
}

const completion = { model: 'tiny', prompt: 'Hi', stream: true }

async function rawConnection(port: number) {
  const socket = connect({ port, host: '127.0.0.1' })
  await once(socket, 'connect')
  let received = ''
  socket.setEncoding('utf8').on('data', chunk => {
    received += chunk
  })
  socket.on('error', () => undefined)
  const closed = once(socket, 'close').then(() => received)
  return { socket, closed }
}

describe('listening', () => {
  it('says where it listens', async () => {
    const api = await start()
    expect(api.url).toBe(`http://127.0.0.1:${api.port}`)
    expect((await fetch(`${api.url}/livez`)).status).toBe(200)
    expect(api.listening).toBe(true)
  })

  it('has the port 52415 by default', () => expect(defaultApiPort).toBe(52_415))

  it('listens on one address for localhost', async () => {
    const api = await start({ host: 'localhost' })
    expect(api.url).toBe(`http://localhost:${api.port}`)
    expect((await fetch(`http://127.0.0.1:${api.port}/livez`)).status).toBe(200)
  })

  it.each(['0.0.0.0', '::', '', 'attic.lan'])('refuses to listen on %j without a key', async host => {
    await expect(start({ host })).rejects.toMatchObject({
      code: 'EXO_PUBLIC_BIND_REFUSED',
      message: expect.stringContaining(JSON.stringify(host)),
      details: { host },
    })
  })

  it('listens beyond loopback with a key', async () => {
    const api = await start({ host: '0.0.0.0', keys: ['a-long-key'] })
    expect((await fetch(`http://127.0.0.1:${api.port}/v1/models`)).status).toBe(401)
  })

  it('names the port that is taken, and who asked for it', async () => {
    const { port } = await start()
    await expect(start({ port, name: 'the HTTP API "api"' })).rejects.toMatchObject({
      code: 'EXO_PORT_IN_USE',
      message: expect.stringMatching(new RegExp(`"api".*127\\.0\\.0\\.1:${port}.*port ${port}`)),
      details: { host: '127.0.0.1', port },
    })
  })

  it('names an address that this machine does not have', async () => {
    await expect(start({ host: '192.0.2.1', keys: ['a-long-key'] })).rejects.toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      message: expect.stringContaining('192.0.2.1'),
    })
  })

  it('can take the port again after closing', async () => {
    const first = await start()
    await first.close()
    expect(first.listening).toBe(false)
    const server = createServer().listen(first.port, '127.0.0.1')
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
  })
})

describe('limits on connections', () => {
  it('closes a connection whose header does not end, with 408 in our shape', async () => {
    const api = await start({ limits: { headersTimeoutMs: 100 } })
    const { socket, closed } = await rawConnection(api.port)
    socket.write('GET /livez HTTP/1.1\r\nhost: localhost\r\nx: ')
    const answer = await closed
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({
      error: { code: 'request_timeout' },
    })
  })

  it('closes a connection whose body does not end', async () => {
    const api = await start({ limits: { headersTimeoutMs: 100, requestTimeoutMs: 150 } })
    const { socket, closed } = await rawConnection(api.port)
    socket.write(
      'POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{',
    )
    expect(await closed).toMatch(/^HTTP\/1\.1 408 /)
  })

  it.each([
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['a header beyond 16 KB', `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
  ])('answers %s in our shape and closes', async (_what, bytes, status) => {
    const api = await start()
    const { socket, closed } = await rawConnection(api.port)
    socket.write(bytes)
    const answer = await closed
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({
      error: { type: 'invalid_request_error' },
    })
  })

  it('closes connections beyond the limit at once', async () => {
    const api = await start({ limits: { connections: 1 } })
    const first = await rawConnection(api.port)
    const second = await rawConnection(api.port)
    expect(await second.closed).toBe('')
    first.socket.destroy()
  })

  it('closes a connection that stays without a request after one', async () => {
    const api = await start({ limits: { keepAliveTimeoutMs: 50 } })
    const { socket, closed } = await rawConnection(api.port)
    socket.write('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n')
    expect(await closed).toMatch(/^HTTP\/1\.1 200 /)
  })
})

describe('closing', () => {
  it('lets a running stream finish, and refuses new connections meanwhile', async () => {
    const go = deferred<void>()
    const backend = new FakeBackend(async function* () {
      yield token('a')
      await go.promise
      yield token('b')
      yield done('ab', 2)
    })
    const api = await start({ backend, clock: new VirtualClock() })
    const response = await send(`${api.url}/v1/completions`, completion).response
    const closing = api.close()
    const { port } = api
    const refused = connect({ port, host: '127.0.0.1' })
    const [error] = await once(refused, 'error')
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
    go.resolve()
    expect(eventsOf(await text(response)).at(-1)).toBe('[DONE]')
    await closing
  })

  it('cuts off after the drain time what still runs, and says so in the stream', async () => {
    const clock = new VirtualClock()
    const backend = new FakeBackend(sayingThenHanging('a'))
    const api = await start({ backend, clock, limits: { drainMs: 5_000 } })
    const response = await send(`${api.url}/v1/completions`, completion).response
    const closing = api.close()
    const body = text(response)
    await clock.advance(4_999)
    expect(backend.requests[0]?.signal?.aborted).toBe(false)
    await clock.advance(1)
    expect(eventsOf(await body).at(-1)).toEqual({
      error: expect.objectContaining({ type: 'server_error', code: 'EXO_RESOURCE_CLOSED' }),
    })
    await backend.returned
    await closing
    expect(clock.pending).toBe(0)
  })

  it('cuts off at once when its signal aborts, with 503 for an answer in one piece', async () => {
    const backend = new FakeBackend(sayingThenHanging('a'))
    const api = await start({ backend })
    const sent = send(`${api.url}/v1/completions`, { ...completion, stream: false })
    await backend.started
    const controller = new AbortController()
    const closing = api.close({ signal: controller.signal })
    controller.abort()
    const response = await sent.response
    expect(response.statusCode).toBe(503)
    expect(JSON.parse(await text(response)).error.code).toBe('EXO_RESOURCE_CLOSED')
    await closing
  })

  it('does not wait for a reader that takes nothing, nor for a connection that asks nothing', async () => {
    const clock = new VirtualClock()
    const backend = new FakeBackend(async function* () {
      for (;;) {
        await new Promise(resolve => setImmediate(resolve))
        yield token('x'.repeat(65_536))
      }
    })
    const api = await start({ backend, clock })
    const idle = await rawConnection(api.port)
    const sent = send(`${api.url}/v1/completions`, completion)
    const response = await sent.response
    response.pause()
    const closing = api.close({ signal: AbortSignal.abort() })
    await backend.aborted
    await clock.advance(250)
    await closing
    expect(await idle.closed).toBe('')
    sent.request.destroy()
  })

  it('answers new requests on an open connection with 503, and the probe says why', async () => {
    const backend = new FakeBackend(sayingThenHanging('a'))
    const api = await start({ backend, clock: new VirtualClock() })
    const ask = (path: string) => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n`
    // The header of this request is still on its way when closing begins, so the connection is not idle.
    const models = await rawConnection(api.port)
    const ready = await rawConnection(api.port)
    models.socket.write(ask('/v1/models'))
    ready.socket.write(ask('/readyz'))
    await send(`${api.url}/v1/completions`, completion).response
    const controller = new AbortController()
    const closing = api.close({ signal: controller.signal })
    while (api.listening) await new Promise(resolve => setImmediate(resolve))
    models.socket.write('\r\n')
    ready.socket.write('\r\n')
    expect(await models.closed).toMatch(/^HTTP\/1\.1 503 .*"EXO_RESOURCE_CLOSED"/s)
    expect(await ready.closed).toMatch(/^HTTP\/1\.1 503 .*"the API is shutting down"/s)
    controller.abort()
    await closing
  })

  it('ends answers without an end at once, and does not wait for them', async () => {
    const api = await start({
      clock: new VirtualClock(),
      routes: app =>
        void app.get('/feed', { config: { endless: true } }, (request, reply) => {
          reply.hijack()
          reply.raw.write('event\n')
          request.running.signal.addEventListener('abort', () => reply.raw.end('bye\n'))
        }),
    })
    const response = await fetch(`${api.url}/feed`)
    const closing = api.close()
    expect(await response.text()).toBe('event\nbye\n')
    await closing
  })

  it('may be asked for twice', async () => {
    const api = await start()
    await Promise.all([api.close(), api.close()])
  })
})
