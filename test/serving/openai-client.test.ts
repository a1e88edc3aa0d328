import OpenAI, { AuthenticationError, BadRequestError, NotFoundError, RateLimitError } from 'openai'
import { afterEach, describe, expect, it } from 'vitest'
import { ExovisorError } from '../../src/errors.ts'
import { type RunningApi, startApi } from '../../src/serving/start-api.ts'
import { FakeBackend, saying, sayingThenFailing, sayingThenHanging } from './fake-backend.ts'

const key = 'correct-horse'
let api: RunningApi
afterEach(() => api.close({ signal: AbortSignal.abort() }))

async function client(backend: FakeBackend = new FakeBackend(), apiKey: string = key): Promise<OpenAI> {
  api = await startApi({ port: 0, backend, keys: [key] })
  return new OpenAI({ baseURL: `${api.url}/v1`, apiKey, maxRetries: 0 })
}

const messages = [{ role: 'user' as const, content: 'Hi' }]

describe('the official OpenAI client', () => {
  it('lists the models and gets one', async () => {
    const openai = await client()
    const ids: string[] = []
    for await (const model of openai.models.list()) ids.push(model.id)
    expect(ids).toEqual(['tiny', 'org/base'])
    expect((await openai.models.retrieve('org/base')).owned_by).toBe('exovisor')
  })

  it('gets a chat answer in one piece', async () => {
    const openai = await client()
    const { data, request_id } = await openai.chat.completions
      .create({ model: 'tiny', messages })
      .withResponse()
    expect(data.choices[0]?.message.content).toBe('Hello world')
    expect(data.choices[0]?.finish_reason).toBe('stop')
    expect(data.usage?.total_tokens).toBe(5)
    expect(request_id).toMatch(/^[0-9a-f]{32}$/)
  })

  it('gets a chat answer as a stream, with usage at the end', async () => {
    const openai = await client(new FakeBackend(saying('Hel', 'lo', '!')))
    const stream = await openai.chat.completions.create({
      model: 'tiny',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    })
    let text = ''
    const roles: unknown[] = []
    let usage: unknown
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? ''
      if (chunk.choices[0]?.delta.role) roles.push(chunk.choices[0].delta.role)
      usage = chunk.usage
    }
    expect(text).toBe('Hello!')
    expect(roles).toEqual(['assistant'])
    expect(usage).toEqual({ prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 })
  })

  it('understands the stream with its own accumulating helper', async () => {
    const openai = await client(new FakeBackend(saying('Hel', 'lo')))
    const final = await openai.chat.completions.stream({ model: 'tiny', messages }).finalChatCompletion()
    expect(final.choices[0]?.message).toMatchObject({ role: 'assistant', content: 'Hello' })
    expect(final.choices[0]?.finish_reason).toBe('stop')
  })

  it('may send the answer back as part of the conversation', async () => {
    const openai = await client()
    const first = await openai.chat.completions.create({ model: 'tiny', messages })
    const answer = first.choices[0]?.message
    if (answer === undefined) throw new Error('there is no answer')
    await openai.chat.completions.create({ model: 'tiny', messages: [...messages, answer, ...messages] })
  })

  it('gets plain completions, in one piece and as a stream', async () => {
    const openai = await client()
    const whole = await openai.completions.create({ model: 'org/base', prompt: 'Once' })
    expect(whole.choices[0]?.text).toBe('Hello world')
    let text = ''
    const stream = await openai.completions.create({ model: 'org/base', prompt: 'Once', stream: true })
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? ''
    expect(text).toBe('Hello world')
  })

  it('stops the generation when it aborts a stream', async () => {
    const backend = new FakeBackend(sayingThenHanging('a', 'b'))
    const openai = await client(backend)
    const stream = await openai.chat.completions.create({ model: 'tiny', messages, stream: true })
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content === 'b') break
    expect(await backend.aborted).toMatchObject({ code: 'EXO_ABORTED' })
    await backend.returned
  })

  it('gets an AuthenticationError for a wrong key', async () => {
    const openai = await client(new FakeBackend(), 'wrong-horse')
    const error = await openai.models.list().then(undefined, (it: unknown) => it)
    expect(error).toBeInstanceOf(AuthenticationError)
    expect(error).toMatchObject({ status: 401, code: 'invalid_api_key', type: 'invalid_request_error' })
  })

  it('gets a NotFoundError for a model that is not there', async () => {
    const openai = await client()
    const error = await openai.chat.completions
      .create({ model: 'huge', messages })
      .then(undefined, (it: unknown) => it)
    expect(error).toBeInstanceOf(NotFoundError)
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model' })
  })

  it('gets a BadRequestError that names the parameter', async () => {
    const openai = await client()
    const asked = openai.chat.completions.create({ model: 'tiny', messages, n: 2 })
    const error = await asked.then(undefined, (it: unknown) => it)
    expect(error).toBeInstanceOf(BadRequestError)
    expect(error).toMatchObject({ param: 'n' })
  })

  it('gets a RateLimitError when the engine is busy', async () => {
    const busy = sayingThenFailing(new ExovisorError('EXO_ENGINE_BUSY', 'all slots are taken'))
    const backend = new FakeBackend(busy)
    const openai = await client(backend)
    const asked = openai.chat.completions.create({ model: 'tiny', messages })
    await expect(asked).rejects.toBeInstanceOf(RateLimitError)
  })

  it('gets the error of a stream that fails half-way', async () => {
    const lost = new ExovisorError('EXO_FAILOVER_EXHAUSTED', 'stage 2 failed 3 times')
    const openai = await client(new FakeBackend(sayingThenFailing(lost, 'a')))
    const stream = await openai.chat.completions.create({ model: 'tiny', messages, stream: true })
    const read = async () => {
      for await (const _ of stream);
    }
    await expect(read()).rejects.toMatchObject({ code: 'EXO_FAILOVER_EXHAUSTED' })
  })
})
