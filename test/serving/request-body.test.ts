import { describe, expect, it } from 'vitest'
import { ExovisorError } from '../../src/errors.ts'
import { chatDialect } from '../../src/serving/chat-dialect.ts'
import { completionDialect } from '../../src/serving/completion-dialect.ts'
import type { Dialect } from '../../src/serving/dialect.ts'

const messages = [{ role: 'user', content: 'Hi' }]
const chat = (extra: object = {}) => chatDialect.parse({ model: 'tiny', messages, ...extra })
const complete = (extra: object = {}) => completionDialect.parse({ model: 'tiny', prompt: 'Hi', ...extra })

function refusal(dialect: Dialect, body: unknown): { param: unknown; message: string } {
  try {
    dialect.parse(body)
  } catch (error) {
    if (!(error instanceof ExovisorError)) throw error
    expect(error.code).toBe('EXO_REQUEST_INVALID')
    return { param: error.details['param'], message: error.message }
  }
  throw new Error('the body was accepted')
}

describe('what a chat may ask', () => {
  it('passes all sampling parameters on under our names', () => {
    const sampling = {
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      min_p: 0.05,
      repetition_penalty: 1.1,
      seed: -5,
    }
    expect(chat(sampling).generation.sampling).toEqual({
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      minP: 0.05,
      repetitionPenalty: 1.1,
      seed: -5,
    })
  })

  it('leaves what is not given to the model', () => {
    expect(chat()).toEqual({
      model: 'tiny',
      generation: { prompt: { messages }, sampling: {} },
      stream: false,
      includeUsage: false,
    })
  })

  it('takes the newer name of the token limit before the older', () => {
    expect(chat({ max_tokens: 5 }).generation.maxTokens).toBe(5)
    expect(chat({ max_completion_tokens: 6 }).generation.maxTokens).toBe(6)
    expect(chat({ max_tokens: 5, max_completion_tokens: 6 }).generation.maxTokens).toBe(6)
  })

  it('takes one stop text or several', () => {
    expect(chat({ stop: '\n' }).generation.stop).toEqual(['\n'])
    expect(chat({ stop: ['a', 'b'] }).generation.stop).toEqual(['a', 'b'])
  })

  it('joins text parts and gives developer the older name system', () => {
    const parts = [
      { type: 'text', text: 'Be ' },
      { type: 'text', text: 'brief' },
    ]
    expect(chat({ messages: [{ role: 'developer', content: parts }] }).generation.prompt).toEqual({
      messages: [{ role: 'system', content: 'Be brief' }],
    })
  })

  it('takes an answer of its own back as a message', () => {
    const own = { role: 'assistant', content: 'Hello', refusal: null, tool_calls: [], annotations: [] }
    expect(() => chat({ messages: [...messages, own, ...messages] })).not.toThrow()
  })

  it('takes 512 messages', () => {
    expect(() => chat({ messages: Array.from({ length: 512 }, () => messages[0]) })).not.toThrow()
  })

  it('asks for usage in a stream', () => {
    expect(chat({ stream: true, stream_options: { include_usage: true } })).toMatchObject({
      stream: true,
      includeUsage: true,
    })
  })

  it.each([
    { user: 'me' },
    { metadata: { a: 'b' } },
    { store: true },
    { stream_options: { include_obfuscation: false } },
    { frequency_penalty: 0, presence_penalty: 0 },
    { response_format: { type: 'text' } },
    { n: 1 },
    { logprobs: false },
    { tools: [], tool_choice: 'none', parallel_tool_calls: true },
    { logit_bias: {} },
    { temperature: null, stop: null, tools: null, max_tokens: null, stream: null, n: null },
  ])('ignores the harmless %j', extra => {
    expect(chat(extra)).toEqual(chat())
  })
})

describe('what a chat may not ask', () => {
  it.each([
    [{ temperature: 2.1 }, 'temperature', /temperature is 2\.1: .*<=2/],
    [{ temperature: '1' }, 'temperature', /temperature is "1": .*number/],
    [{ temperature: -0.1 }, 'temperature', />=0/],
    [{ top_p: 1.5 }, 'top_p', /<=1/],
    [{ top_k: 1.5 }, 'top_k', /int/],
    [{ top_k: -1 }, 'top_k', />=0/],
    [{ min_p: 2 }, 'min_p', /<=1/],
    [{ repetition_penalty: 0 }, 'repetition_penalty', />=0.01/],
    [{ seed: 2 ** 60 }, 'seed', /seed is/],
    [{ max_tokens: 0 }, 'max_tokens', />=1/],
    [{ max_completion_tokens: 1e9 }, 'max_completion_tokens', /<=1048576/],
    [{ stream: 'yes' }, 'stream', /boolean/],
    [{ stop: Array.from({ length: 17 }, String) }, 'stop', /stop is an array of 17/],
    [{ stop: '' }, 'stop', /stop is ""/],
    [{ stop: ['x'.repeat(257)] }, 'stop[0]', /<=256/],
    [{ n: 2 }, 'n', /n is 2: expected 1/],
    [{ logprobs: true }, 'logprobs', /not supported/],
    [{ top_logprobs: 5 }, 'top_logprobs', /not supported/],
    [{ tools: [{ type: 'function' }] }, 'tools', /tools is an array of 1: expected no tools/],
    [{ tool_choice: 'required' }, 'tool_choice', /not supported/],
    [{ functions: [{}] }, 'functions', /not supported/],
    [{ response_format: { type: 'json_object' } }, 'response_format', /structured output is not supported/],
    [{ frequency_penalty: 0.5 }, 'frequency_penalty', /expected 0/],
    [{ presence_penalty: -1 }, 'presence_penalty', /expected 0/],
    [{ logit_bias: { 5: 100 } }, 'logit_bias', /not supported/],
    [{ modalities: ['text', 'audio'] }, 'modalities', /only text/],
    [
      { stream_options: { include_usge: true } },
      'stream_options.include_usge',
      /unknown field "include_usge"/,
    ],
    [{ temprature: 1 }, 'temprature', /unknown field "temprature"; did you mean "temperature"\?/],
    [{ frobnicate: 1 }, 'frobnicate', /^unknown field "frobnicate"$/],
    [{ model: undefined }, 'model', /model is missing/],
    [{ model: '' }, 'model', /model is ""/],
    [{ model: 'x'.repeat(257) }, 'model', /<=256/],
    [{ messages: [] }, 'messages', /messages is an array of 0/],
    [{ messages: 'Hi' }, 'messages', /array/],
    [{ messages: Array.from({ length: 513 }, () => messages[0]) }, 'messages', /an array of 513: .*<=512/],
    [{ messages: [{ role: 'robot', content: 'x' }] }, 'messages[0].role', /"robot": .*assistant/],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].role', /"tool"/],
    [
      { messages: [...messages, { role: 'user' }] },
      'messages[1].content',
      /missing: expected a string or text parts/,
    ],
    [
      { messages: [{ role: 'user', content: 5 }] },
      'messages[0].content',
      /is 5: expected a string or text parts/,
    ],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }] },
      'messages[0].content[0].type',
      /"image_url": expected "text"/,
    ],
    [
      { messages: [{ role: 'assistant', content: 'x', tool_calls: [{}] }] },
      'messages[0].tool_calls',
      /not supported/,
    ],
    [
      { messages: [{ role: 'user', content: 'x', mood: 'good' }] },
      'messages[0].mood',
      /unknown field "mood"/,
    ],
  ])('refuses %j and names %s', (extra, param, message) => {
    const refused = refusal(chatDialect, { model: 'tiny', messages, ...extra })
    expect(refused.param).toBe(param)
    expect(refused.message).toMatch(message)
  })

  it.each([undefined, null, [], 'text', 5])('refuses the body %j', body => {
    expect(refusal(chatDialect, body).message).toMatch(/request body is/)
  })

  it('names several faults at once, but not without end', () => {
    const body = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`unknown${i}`, 1]))
    const { message } = refusal(chatDialect, { model: 'tiny', messages, ...body })
    expect(message).toMatch(/and 46 more$/)
  })

  it('shows only the beginning of a long value', () => {
    expect(
      refusal(chatDialect, { model: 'tiny', messages, temperature: 'x'.repeat(100_000) }).message.length,
    ).toBeLessThan(300)
    expect(
      refusal(chatDialect, { model: 'tiny', messages, ['y'.repeat(100_000)]: 1 }).message.length,
    ).toBeLessThan(300)
  })
})

describe('what a plain completion may ask', () => {
  it('takes a string, or an array with one', () => {
    expect(complete().generation.prompt).toBe('Hi')
    expect(complete({ prompt: ['Ho'] }).generation.prompt).toBe('Ho')
  })

  it.each([{ echo: false }, { best_of: 1 }, { suffix: null }, { logprobs: null }, { n: 1, user: 'me' }])(
    'ignores the harmless %j',
    extra => {
      expect(complete(extra)).toEqual(complete())
    },
  )

  it.each([
    [{ prompt: undefined }, 'prompt', /missing/],
    [{ prompt: ['a', 'b'] }, 'prompt', /an array of 2/],
    [{ prompt: [1, 2, 3] }, 'prompt', /an array of 3: expected a string, or an array with one string/],
    [{ prompt: [[1, 2]] }, 'prompt', /token ids are not supported/],
    [{ echo: true }, 'echo', /not repeated/],
    [{ suffix: 'x' }, 'suffix', /suffix/],
    [{ logprobs: 0 }, 'logprobs', /not supported/],
    [{ best_of: 3 }, 'best_of', /expected 1/],
    [{ max_completion_tokens: 3 }, 'max_completion_tokens', /unknown field/],
    [{ messages }, 'messages', /unknown field/],
  ])('refuses %j and names %s', (extra, param, message) => {
    const refused = refusal(completionDialect, { model: 'tiny', prompt: 'Hi', ...extra })
    expect(refused.param).toBe(param)
    expect(refused.message).toMatch(message)
  })
})
