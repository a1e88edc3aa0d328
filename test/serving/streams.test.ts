import { once } from 'node:events'
import { connect, Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { deferred } from '../../src/concurrency/deferred.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { ExovisorError } from '../../src/errors.ts'
import type { ApiOptions } from '../../src/serving/api-options.ts'
import { type RunningApi, startApi } from '../../src/serving/start-api.ts'
import { done, FakeBackend, saying, sayingThenFailing, sayingThenHanging, token } from './fake-backend.ts'
import { eventsOf, send, text } from './http-client.ts'

let api: RunningApi
afterEach(() => api.close({ signal: AbortSignal.abort() }))

const chat = { model: 'tiny', messages: [{ role: 'user', content: 'Hi' }], stream: true }
const completion = { model: 'tiny', prompt: 'Hi', stream: true }

async function start(backend: FakeBackend, options: Partial<ApiOptions> = {}): Promise<RunningApi> {
  api = await startApi({ port: 0, backend, unixTime: () => 5, newId: () => 'abc', ...options })
  return api
}

const post = (path: string, body: object) => send(`${api.url}${path}`, body)
const stream = async (path: string, body: object) => eventsOf(await text(await post(path, body).response))

describe('a stream', () => {
  it('gives the role first, then the text, then the reason, then [DONE]', async () => {
    await start(new FakeBackend(saying('Hel', 'lo')))
    const head = { id: 'chatcmpl-abc', object: 'chat.completion.chunk', created: 5, model: 'tiny' }
    const chunk = (delta: object, finish_reason: string | null) => ({
      ...head,
      choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    })
    expect(await stream('/v1/chat/completions', chat)).toEqual([
      chunk({ role: 'assistant', content: '', refusal: null }, null),
      chunk({ content: 'Hel' }, null),
      chunk({ content: 'lo' }, null),
      chunk({}, 'stop'),
      '[DONE]',
    ])
  })

  it('gives the text of a plain completion in pieces', async () => {
    await start(new FakeBackend(saying('Hel', 'lo')))
    const chunk = (piece: string, finish_reason: string | null) => ({
      id: 'cmpl-abc',
      object: 'text_completion',
      created: 5,
      model: 'tiny',
      choices: [{ index: 0, text: piece, logprobs: null, finish_reason }],
    })
    expect(await stream('/v1/completions', completion)).toEqual([
      chunk('Hel', null),
      chunk('lo', null),
      chunk('', 'stop'),
      '[DONE]',
    ])
  })

  it('gives usage in a chunk of its own when asked, and null in the others', async () => {
    await start(new FakeBackend(saying('Hel', 'lo')))
    const events = await stream('/v1/chat/completions', { ...chat, stream_options: { include_usage: true } })
    const chunks = events.slice(0, -1) as { usage: unknown; choices: unknown[] }[]
    expect(chunks.map(it => it.usage)).toEqual([
      null,
      null,
      null,
      null,
      { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    ])
    expect(chunks.at(-1)?.choices).toEqual([])
    expect(events.at(-1)).toBe('[DONE]')
  })

  it('carries the same text as the answer in one piece, also where text was held back to the end', async () => {
    await start(
      new FakeBackend(async function* () {
        yield token('')
        yield token('a')
        yield token('')
        yield done('a\u{1F600}b', 3, 'length')
      }),
    )
    const events = await stream('/v1/completions', completion)
    const pieces = events.slice(0, -1) as { choices: { text: string; finish_reason: string | null }[] }[]
    expect(pieces.map(it => it.choices[0]?.text)).toEqual(['a', '\u{1F600}b', ''])
    expect(pieces.at(-1)?.choices[0]?.finish_reason).toBe('length')
  })

  it('keeps line breaks of the text inside one event', async () => {
    await start(new FakeBackend(saying('a\n\nb\r\nc')))
    const [first] = (await stream('/v1/completions', completion)) as { choices: { text: string }[] }[]
    expect(first?.choices[0]?.text).toBe('a\n\nb\r\nc')
  })

  it('tells proxies not to hold it back, and carries the request id', async () => {
    await start(new FakeBackend())
    const { headers } = await post('/v1/completions', completion).response
    expect(headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-request-id': 'abc',
    })
  })

  it('gives a failure before the first token a status of its own', async () => {
    const error = new ExovisorError('EXO_PROMPT_TOO_LONG', 'the prompt has 600 tokens; expected at most 512')
    const clock = new VirtualClock()
    await start(new FakeBackend(sayingThenFailing(error)), { clock })
    const response = await post('/v1/chat/completions', chat).response
    expect(response.statusCode).toBe(400)
    expect(JSON.parse(await text(response)).error.code).toBe('context_length_exceeded')
    expect(clock.pending).toBe(0)
  })

  it('tells a failure after the header as its last event, without [DONE]', async () => {
    const error = new ExovisorError('EXO_FAILOVER_EXHAUSTED', 'stage 2 of model tiny failed 3 times')
    await start(new FakeBackend(sayingThenFailing(error, 'Hel')))
    const events = await stream('/v1/completions', completion)
    expect(events).toHaveLength(2)
    expect(events[1]).toEqual({
      error: {
        message: 'stage 2 of model tiny failed 3 times',
        type: 'server_error',
        param: null,
        code: 'EXO_FAILOVER_EXHAUSTED',
      },
    })
  })

  it('hides an unexpected failure after the header too, and logs it', async () => {
    const lines: object[] = []
    const log = { debug: () => undefined, error: (fields: object) => void lines.push(fields) }
    await start(new FakeBackend(sayingThenFailing(new Error('/secret/path broke'), 'x')), { log })
    const events = await stream('/v1/completions', completion)
    expect(JSON.stringify(events)).not.toContain('secret')
    expect(lines).toMatchObject([{ request: 'abc', error: { message: '/secret/path broke' } }])
  })
})

describe('a silent stream', () => {
  it('is kept open by a comment every 15 seconds, and keeps its order', async () => {
    const clock = new VirtualClock()
    const go = deferred<void>()
    const backend = new FakeBackend(async function* () {
      await go.promise
      yield token('late')
      yield done('late', 1)
    })
    await start(backend, { clock })
    const sent = post('/v1/chat/completions', chat)
    await backend.started
    await clock.advance(14_999)
    await clock.advance(1)
    const response = await sent.response
    await clock.advance(30_000)
    go.resolve()
    const events = eventsOf(await text(response))
    expect(events.slice(0, 3)).toEqual([': waiting', ': waiting', ': waiting'])
    expect(events[3]).toMatchObject({ choices: [{ delta: { role: 'assistant' } }] })
    expect(events.at(-1)).toBe('[DONE]')
  })

  it('counts the silence from the last event, and leaves no timer behind', async () => {
    const clock = new VirtualClock()
    const steps = [deferred<void>(), deferred<void>()]
    const backend = new FakeBackend(async function* () {
      await steps[0]?.promise
      yield token('a')
      await steps[1]?.promise
      yield token('b')
      yield done('ab', 2)
    })
    await start(backend, { clock })
    const sent = post('/v1/completions', completion)
    await backend.started
    await clock.advance(10_000)
    steps[0]?.resolve()
    const response = await sent.response
    await clock.advance(14_999)
    steps[1]?.resolve()
    expect(eventsOf(await text(response)).filter(it => typeof it === 'string')).toEqual(['[DONE]'])
    expect(clock.pending).toBe(0)
  })

  it('tells a failure after a heartbeat as an event, as the header is out', async () => {
    const clock = new VirtualClock()
    const go = deferred<void>()
    const backend = new FakeBackend(async function* () {
      await go.promise
      yield* sayingThenFailing(new ExovisorError('EXO_ENGINE_BUSY', 'busy'))(await backend.started)
    })
    await start(backend, { clock })
    const sent = post('/v1/completions', completion)
    await backend.started
    await clock.advance(15_000)
    go.resolve()
    expect(eventsOf(await text(await sent.response))).toEqual([
      ': waiting',
      { error: expect.objectContaining({ code: 'EXO_ENGINE_BUSY' }) },
    ])
  })
})

/** A client that sends a request by hand and then reads nothing. */
async function stalledReader(body: object): Promise<Socket> {
  const socket = connect({ port: api.port, host: '127.0.0.1' })
  await once(socket, 'connect')
  socket.pause()
  const payload = JSON.stringify(body)
  socket.write(
    `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(payload)}\r\n\r\n${payload}`,
  )
  return socket
}

/** The bytes that this process holds for the readers at a port, beyond what the kernel took of them. */
function heldFor(port: number): number {
  const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles(): unknown[] }
  return handles
    .call(process)
    .filter((handle): handle is Socket => handle instanceof Socket && handle.localPort === port)
    .reduce((sum, socket) => sum + socket.writableLength, 0)
}

/** Says a kilobyte a token without end; `waiting` settles when nothing has been taken for a while of the event loop. */
class EndlessBackend extends FakeBackend {
  constructor() {
    super(async function* () {
      for (;;) {
        await new Promise(resolve => setImmediate(resolve))
        yield token('x'.repeat(1_024))
      }
    })
  }

  async standstill(): Promise<number> {
    for (let before = -1; before !== this.taken || this.taken === 0; ) {
      before = this.taken
      for (let i = 0; i < 200; i++) await new Promise(resolve => setImmediate(resolve))
    }
    return this.taken
  }
}

describe('a reader that takes nothing', () => {
  it('stops the generation from being pulled, so that memory stays bounded, also over many heartbeats', async () => {
    const clock = new VirtualClock()
    const backend = new EndlessBackend()
    await start(backend, { clock, limits: { stallMs: 1e9 } })
    const socket = await stalledReader(completion)
    const taken = await backend.standstill()
    await clock.advance(24 * 3_600_000)
    expect(await backend.standstill()).toBe(taken)
    expect(heldFor(api.port)).toBeGreaterThan(0)
    expect(heldFor(api.port)).toBeLessThan(256 * 1_024)
    // What the kernel's socket buffers took.
    expect(taken * 1_024).toBeLessThan(16 * 1_048_576)
    let received = ''
    socket.setEncoding('latin1').on('data', chunk => {
      received += chunk
    })
    socket.resume()
    while (backend.taken < taken + 100) await new Promise(resolve => setImmediate(resolve))
    expect(received).toContain('data: ')
    expect(received).not.toContain(': waiting')
    socket.destroy()
    await backend.returned
  })

  it('is cut off after its time, and the generation stopped', async () => {
    const clock = new VirtualClock()
    const backend = new EndlessBackend()
    await start(backend, { clock })
    const socket = await stalledReader(completion)
    await backend.standstill()
    await clock.advance(60_000)
    expect(await backend.aborted).toMatchObject({ code: 'EXO_ABORTED' })
    await backend.returned
    socket.destroy()
    expect(clock.pending).toBe(0)
  })
})

describe('a client that goes away', () => {
  it('stops its stream at once, although the backend is in the middle of a token', async () => {
    const backend = new FakeBackend(sayingThenHanging('a', 'b'))
    await start(backend)
    const sent = post('/v1/chat/completions', chat)
    const response = await sent.response
    await once(response, 'data')
    sent.request.destroy()
    expect(await backend.aborted).toMatchObject({ code: 'EXO_ABORTED' })
    await backend.returned
  })

  it('stops its stream before the first token', async () => {
    const backend = new FakeBackend(sayingThenHanging())
    await start(backend)
    const sent = post('/v1/chat/completions', chat)
    await backend.started
    sent.request.destroy()
    await backend.aborted
    await backend.returned
  })

  it('stops an answer in one piece too', async () => {
    const backend = new FakeBackend(sayingThenHanging('a'))
    await start(backend)
    const sent = post('/v1/chat/completions', { ...chat, stream: false })
    await backend.started
    sent.request.destroy()
    expect(await backend.aborted).toMatchObject({ code: 'EXO_ABORTED' })
    await backend.returned
  })

  it('does not disturb the others', async () => {
    const go = deferred<void>()
    const backend = new FakeBackend(async function* (request) {
      yield token('a')
      await (request.prompt === 'stay' ? go.promise : new Promise(() => undefined))
      yield done('ab', 2)
    })
    await start(backend)
    const stay = post('/v1/completions', { ...completion, prompt: 'stay' })
    const leave = post('/v1/completions', { ...completion, prompt: 'leave' })
    await Promise.all([stay.response, leave.response])
    leave.request.destroy()
    await backend.aborted
    go.resolve()
    expect(eventsOf(await text(await stay.response)).at(-1)).toBe('[DONE]')
  })
})
