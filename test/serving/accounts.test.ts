import { afterEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { ExovisorError } from '../../src/errors.ts'
import type { FinishedRequest, ServingMetrics } from '../../src/serving/serving-metrics.ts'
import { type RunningApi, startApi } from '../../src/serving/start-api.ts'
import {
  done,
  FakeBackend,
  type Script,
  sayingThenFailing,
  sayingThenHanging,
  token,
} from './fake-backend.ts'
import { send, text } from './http-client.ts'

class Recorder implements ServingMetrics {
  readonly contentType = 'text/plain'
  inFlight = 0
  mostInFlight = 0
  readonly requests: FinishedRequest[] = []
  #waiting: (() => void)[] = []

  render = async () => ''

  requestStarted(): void {
    this.inFlight += 1
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight)
  }

  requestFinished(request: FinishedRequest): void {
    this.inFlight -= 1
    this.requests.push(request)
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  async finished(count: number): Promise<void> {
    while (this.requests.length < count) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }
}

let api: RunningApi
const metrics = { current: new Recorder() }
const clock = new VirtualClock()
const lines: object[] = []
const events: string[] = []

afterEach(() => api.close({ signal: AbortSignal.abort() }))

async function start(script: Script): Promise<FakeBackend> {
  const backend = new FakeBackend(script)
  metrics.current = new Recorder()
  lines.length = 0
  events.length = 0
  api = await startApi({
    port: 0,
    backend,
    clock,
    metrics: metrics.current,
    newId: () => 'abc',
    log: { debug: fields => void lines.push(fields), error: () => undefined },
    onActivity: ({ type }) => void events.push(type),
  })
  return backend
}

const completion = { model: 'tiny', prompt: 'Hi' }
const post = (body: object) => send(`${api.url}/v1/completions`, body)

describe('what the API tells of its work', () => {
  it('counts a request with its status and its time', async () => {
    await start(async function* () {
      await clock.advance(100)
      yield token('a')
      yield done('a', 1)
    })
    await text(await post(completion).response)
    await metrics.current.finished(1)
    expect(metrics.current.requests).toEqual([
      { method: 'POST', route: '/v1/completions', status: 200, durationMs: 100 },
    ])
  })

  it('writes one line a request, and tells its machine of beginning and end', async () => {
    await start(async function* () {
      yield done('', 0)
    })
    await text(await post(completion).response)
    await metrics.current.finished(1)
    expect(lines).toEqual([
      { request: 'abc', method: 'POST', route: '/v1/completions', status: 200, durationMs: 0 },
    ])
    expect(events).toEqual(['request.started', 'request.ended'])
  })

  it('counts a client that went away as 499', async () => {
    await start(sayingThenHanging('a', 'b'))
    const sent = post({ ...completion, stream: true })
    const response = await sent.response
    let received = ''
    for await (const chunk of response.setEncoding('utf8')) {
      received += chunk
      if (received.includes('"b"')) break
    }
    sent.request.destroy()
    await metrics.current.finished(1)
    expect(metrics.current.requests[0]).toMatchObject({ status: 499 })
  })

  it('counts a failure with its status', async () => {
    await start(sayingThenFailing(new ExovisorError('EXO_NO_PLACEMENT', 'no node has room for layer 3')))
    await text(await post(completion).response)
    await metrics.current.finished(1)
    expect(metrics.current.requests[0]).toMatchObject({ status: 503 })
  })

  it('counts what is in flight, and puts no path and no unknown model into a label', async () => {
    await start(sayingThenHanging())
    const many = Array.from({ length: 3 }, (_, i) => fetch(`${api.url}/no/such/path/${i}`))
    await Promise.all(many)
    await fetch(`${api.url}/v1/models/some/model`)
    await text(await post({ ...completion, model: 'unknown' }).response)
    await metrics.current.finished(5)
    expect(metrics.current.inFlight).toBe(0)
    expect(metrics.current.mostInFlight).toBeGreaterThan(0)
    expect(new Set(metrics.current.requests.map(it => it.route))).toEqual(
      new Set(['unmatched', '/v1/models/*', '/v1/completions']),
    )
  })
})
