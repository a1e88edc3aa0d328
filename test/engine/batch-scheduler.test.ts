import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BatchScheduler } from '../../src/engine/batch-scheduler.ts'
import type { Done, Job } from '../../src/engine/compute-protocol.ts'
import { DummyCompute } from '../../src/engine/dummy-compute.ts'
import { sample } from '../../src/engine/sampler.ts'
import type { ShardSpec } from '../../src/engine/shard.ts'
import { ExovisorError } from '../../src/errors.ts'
import { loadModel } from '../../src/models/load.ts'
import { NotingCompute } from './noting-compute.ts'
import { seededIds } from './seeded-numbers.ts'
import { greedy, ShardChain, specOf } from './shard-chain.ts'

const model = await loadModel(join(import.meta.dirname, '../fixtures/tiny-llama'))
const prompt = (length: number, seed = 1) => seededIds(seed, length, model.config.vocabSize)

function schedulerOf(changes: Partial<ShardSpec> = {}) {
  const spec = specOf(model, { kind: 'dummy', prefillChunk: 8, slots: 2, ...changes })
  const compute = new NotingCompute(model, spec)
  const done: Done[] = []
  const scheduler = new BatchScheduler({
    compute,
    spec,
    steps: { begin() {}, end() {} },
    emit: one => done.push(one),
  })
  const submit = (...jobs: Job[]) => {
    for (const job of jobs) scheduler.submit(job)
  }
  const steps = async (count = Number.POSITIVE_INFINITY) => {
    for (let i = 0; i < count && scheduler.busy; i++) await scheduler.step()
  }
  const tokens = (request: number) =>
    done.flatMap(one => (one.type === 'token' && one.request === request ? [one.id] : []))
  const endOf = (request: number) =>
    done.find(one => one.request === request && ['finished', 'failed'].includes(one.type))
  return { scheduler, compute, done, submit, steps, tokens, endOf }
}

const open = (request: number, ids: readonly number[], sampling = greedy): Job => ({
  type: 'open',
  request,
  ids: Int32Array.from(ids),
  sampling,
})
const generate = (request: number, maxTokens: number, stopIds: readonly number[] = []): Job => ({
  type: 'generate',
  request,
  maxTokens,
  stopIds,
})
const credit = (request: number, until: number): Job => ({ type: 'credit', request, until })
const forward = (request: number, position: number, ids: readonly number[], sample_ = true): Job => ({
  type: 'forward',
  request,
  position,
  rows: ids.length,
  input: Int32Array.from(ids).buffer,
  sample: sample_,
})
const continuation = async (ids: readonly number[], count: number) =>
  (await (await ShardChain.load(model, 1, { kind: 'dummy' })).generate(ids, count)).ids

describe('generating', () => {
  it('computes the prompt in chunks, then token by token, and tells each with its position', async () => {
    const { submit, steps, done, compute } = schedulerOf()
    submit(open(1, prompt(20)), generate(1, 3))
    await steps()
    expect(compute.steps).toEqual(['0@0+8', '0@8+8', '0@16+4', '0@20+1', '0@21+1'])
    const ids = await continuation(prompt(20), 3)
    expect(done).toEqual([
      ...ids.map((id, index) => ({ type: 'token', request: 1, position: 20 + index, id })),
      { type: 'finished', request: 1, reason: 'length' },
    ])
  })

  it('takes turns between the chunks of a prompt and the tokens of the others', async () => {
    const { submit, steps, compute } = schedulerOf()
    submit(open(1, prompt(2)), generate(1, 9))
    await steps(2)
    submit(open(2, prompt(24)), generate(2, 2))
    await steps()
    const start = compute.steps.findIndex(step => step.startsWith('1@'))
    expect(compute.steps.slice(start, start + 6)).toEqual([
      '1@0+8',
      '0@3+1',
      '1@8+8',
      '0@4+1',
      '1@16+8',
      '[0,1]@[5,24]',
    ])
  })

  it('decodes all sequences in one batch, which they join and leave as they come and go', async () => {
    const { submit, steps, tokens, compute } = schedulerOf({ slots: 3 })
    const prompts = [prompt(2, 1), prompt(3, 2), prompt(4, 3)]
    for (const [request, ids] of prompts.entries()) submit(open(request, ids), generate(request, 5 + request))
    await steps()
    expect(compute.steps).toContain('[0,1,2]@[4,4,4]')
    expect(compute.steps.at(-1)).toMatch(/^2@/)
    for (const [request, ids] of prompts.entries())
      expect(tokens(request)).toEqual(await continuation(ids, 5 + request))
  })

  it('ends at a stop token without telling it, and only at those that the job names', async () => {
    const ids = await continuation(prompt(5), 6)
    const { submit, steps, tokens, endOf } = schedulerOf()
    submit(open(1, prompt(5)), generate(1, 6, [ids[3]!]))
    submit(open(2, prompt(5)), generate(2, 6))
    await steps()
    expect(tokens(1)).toEqual(ids.slice(0, 3))
    expect(endOf(1)).toMatchObject({ type: 'finished', reason: 'stop' })
    expect(tokens(2)).toEqual(ids)
    expect(endOf(2)).toMatchObject({ type: 'finished', reason: 'length' })
  })

  it('ends when the context is full', async () => {
    const { submit, steps, tokens, endOf } = schedulerOf({ context: 10 })
    submit(open(1, prompt(7)), generate(1, 100), open(2, prompt(10)), generate(2, 100))
    await steps()
    expect(tokens(1)).toHaveLength(3)
    expect(tokens(2)).toEqual([])
    for (const request of [1, 2]) expect(endOf(request)).toMatchObject({ type: 'finished', reason: 'length' })
  })

  it('stops before the position that its reader has given no credit for, keeps its slot, and goes on with credit', async () => {
    const { submit, steps, tokens, endOf, scheduler } = schedulerOf()
    const ids = prompt(5)
    const whole = await continuation(ids, 12)
    submit(open(1, ids), { type: 'generate', request: 1, maxTokens: 12, stopIds: [], until: 8 })
    await steps()
    expect(tokens(1)).toEqual(whole.slice(0, 3))
    expect(scheduler.busy).toBe(false)
    submit(open(2, prompt(3)), generate(2, 2), open(3, prompt(3)), generate(3, 2))
    await steps()
    expect(endOf(2)).toMatchObject({ type: 'finished' })
    expect(endOf(3)).toMatchObject({ type: 'finished' })
    // Credit that came late, and has been overtaken, takes nothing back.
    submit(credit(1, 10), credit(1, 6))
    await steps()
    expect(tokens(1)).toEqual(whole.slice(0, 5))
    submit(credit(1, 1_000), credit(99, 1_000))
    await steps()
    expect(tokens(1)).toEqual(whole)
    expect(endOf(1)).toMatchObject({ type: 'finished', reason: 'length' })
  })

  it('computes no further step for a request whose reader has left', async () => {
    const { submit, steps, tokens, compute } = schedulerOf()
    submit(open(1, prompt(5)), generate(1, 500), open(2, prompt(3)), generate(2, 8))
    await steps(7)
    const seen = tokens(1).length
    expect(seen).toBeGreaterThan(2)
    submit({ type: 'close', request: 1 })
    const before = compute.steps.length
    await steps()
    expect(tokens(1)).toHaveLength(seen)
    expect(tokens(2)).toHaveLength(8)
    expect(compute.steps.slice(before).every(step => !step.includes(','))).toBe(true)
  })

  it('needs no credit for its first token', async () => {
    const { submit, steps, tokens } = schedulerOf()
    submit(open(1, prompt(5)), { type: 'generate', request: 1, maxTokens: 12, stopIds: [], until: 1 })
    await steps()
    expect(tokens(1)).toHaveLength(1)
  })

  it('goes on from generated ids with the very tokens that would have come, sampling included', async () => {
    const sampling = { temperature: 1.2, topK: 0, topP: 0.95, minP: 0, repetitionPenalty: 1.3, seed: 42 }
    const { submit, steps, tokens } = schedulerOf()
    submit(open(1, prompt(9), sampling), generate(1, 30))
    await steps()
    const all = tokens(1)
    submit(open(2, [...prompt(9), ...all.slice(0, 13)], sampling), generate(2, 17))
    await steps()
    expect(tokens(2)).toEqual(all.slice(13))
  })

  it('lets requests wait for a slot, in order, up to a bound', async () => {
    const { submit, steps, endOf, done } = schedulerOf({ slots: 1 })
    for (let request = 0; request < 66; request++)
      submit(open(request, prompt(2, request)), generate(request, 1))
    expect(done).toEqual([
      { type: 'failed', request: 65, error: expect.objectContaining({ code: 'EXO_ENGINE_BUSY' }) },
    ])
    await steps()
    expect(done.filter(one => one.type === 'finished').map(one => one.request)).toEqual(
      Array.from({ length: 65 }, (_, i) => i),
    )
    submit(open(65, prompt(2)), generate(65, 1))
    await steps()
    expect(endOf(65)).toMatchObject({ type: 'failed' })
    expect(done.at(-1)).toMatchObject({ type: 'finished', request: 65 })
  })

  it('gives the slot of a closed request to the next one', async () => {
    const { submit, steps, done, endOf } = schedulerOf({ slots: 1 })
    submit(open(1, prompt(4)), generate(1, 50), open(2, prompt(4)), generate(2, 2))
    await steps(3)
    submit({ type: 'close', request: 1 }, { type: 'close', request: 99 })
    const before = done.length
    await steps()
    expect(done.slice(before).every(one => one.request === 2)).toBe(true)
    expect(endOf(2)).toMatchObject({ type: 'finished' })
  })
})

describe('forwarding, as a stage of a chain', () => {
  it('gives the same tokens over two stages as a whole model does', async () => {
    const [head, tail] = [schedulerOf({ layers: [0, 2] }), schedulerOf({ layers: [2, 4] })]
    const ids = prompt(6)
    head.submit(open(1, ids))
    tail.submit(open(1, ids))
    const through = async (position: number, piece: readonly number[], last: boolean) => {
      head.submit(forward(1, position, piece, false))
      await head.steps()
      const hidden = head.done.at(-1)
      if (hidden?.type !== 'hidden') throw new Error(`unexpected ${hidden?.type}`)
      expect(hidden).toMatchObject({ position, rows: piece.length })
      tail.submit({
        type: 'forward',
        request: 1,
        position,
        rows: hidden.rows,
        input: hidden.data,
        sample: last,
      })
      await tail.steps()
      return tail.done.at(-1)
    }
    expect(await through(0, ids.slice(0, 4), false)).toEqual({ type: 'advanced', request: 1, position: 4 })
    const generated: number[] = []
    for (let piece = ids.slice(4), position = 4; generated.length < 5; ) {
      const token = await through(position, piece, true)
      if (token?.type !== 'token') throw new Error(`unexpected ${token?.type}`)
      position += piece.length
      expect(token.position).toBe(position)
      generated.push(token.id)
      piece = [token.id]
    }
    expect(generated).toEqual(await continuation(ids, 5))
  })

  it('batches single tokens of different requests, and keeps the order of each', async () => {
    const { submit, steps, compute, done } = schedulerOf()
    submit(open(1, prompt(3)), open(2, prompt(3)))
    submit(forward(1, 0, prompt(3), false), forward(2, 0, prompt(3), false))
    await steps()
    submit(forward(1, 3, [5], false), forward(1, 4, [6], false), forward(2, 3, [7], false))
    await steps()
    expect(compute.steps).toEqual(['0@0+3', '1@0+3', '[0,1]@[3,3]', '0@4+1'])
    expect(done.map(one => one.type)).toEqual(Array(5).fill('advanced'))
  })

  it('uses the tokens that it chose itself for the repetition penalty', async () => {
    const sampling = { ...greedy, repetitionPenalty: 50 }
    const { submit, steps, tokens } = schedulerOf()
    const ids = prompt(3)
    submit(open(1, ids, sampling), forward(1, 0, ids))
    await steps()
    const [chosen] = tokens(1)
    submit(forward(1, 3, [chosen!]))
    await steps()
    const reference = new DummyCompute(model, specOf(model))
    const logits = reference.forward(reference.acquire(), 0, Int32Array.from([...ids, chosen!]), 4, true)
    expect(tokens(1)[1]).toBe(sample(logits, [...ids, chosen!], sampling, 4))
  })

  it('refuses a request for which no slot is free', async () => {
    const { submit, steps, endOf, done } = schedulerOf({ slots: 1 })
    submit(open(1, prompt(3)), open(2, prompt(3)), forward(1, 0, prompt(3)), forward(2, 0, prompt(3)))
    await steps()
    expect(endOf(2)).toMatchObject({ type: 'failed', error: { code: 'EXO_ENGINE_BUSY' } })
    expect(done).toContainEqual(expect.objectContaining({ type: 'token', request: 1 }))
  })

  it('refuses to choose a token when it was not told the ids before it', async () => {
    const { submit, steps, endOf } = schedulerOf()
    submit(open(1, []), forward(1, 0, prompt(3)))
    await steps()
    expect(endOf(1)).toMatchObject({
      type: 'failed',
      error: { message: expect.stringContaining('too few ids') },
    })
  })

  it('says nothing of a request that was closed while its work was waiting', async () => {
    const { submit, steps, done } = schedulerOf()
    submit(open(1, prompt(3)), forward(1, 0, prompt(3)), { type: 'close', request: 1 }, forward(1, 3, [1]))
    await steps()
    expect(done).toEqual([])
  })
})

describe('a request that cannot be served', () => {
  it.each<[string, Job[], string, string]>([
    [
      'too many ids',
      [open(1, prompt(257))],
      'EXO_PROMPT_TOO_LONG',
      '257 tokens, but the context has room for 256',
    ],
    ['an unknown id', [open(1, [1, 272])], 'EXO_REQUEST_INVALID', 'token id 272'],
    [
      'a negative temperature',
      [open(1, [1], { ...greedy, temperature: -1 })],
      'EXO_SAMPLING_INVALID',
      'temperature is -1',
    ],
    ['nothing to begin with', [open(1, []), generate(1, 5)], 'EXO_ENGINE_FAILED', 'opened prompt'],
    ['a fraction of a token', [open(1, [1]), generate(1, 1.5)], 'EXO_ENGINE_FAILED', '1.5 tokens'],
    ['rows beyond the context', [open(1, [1]), forward(1, 0, prompt(257))], 'EXO_PROMPT_TOO_LONG', '257'],
    ['a gap', [open(1, [1, 2]), forward(1, 1, [2])], 'EXO_ENGINE_FAILED', 'position 1'],
    [
      'odd bytes',
      [open(1, [1]), { ...forward(1, 0, [1]), input: new ArrayBuffer(3) } as Job],
      'EXO_ENGINE_FAILED',
      '3 bytes',
    ],
    [
      'rows that are not there',
      [open(1, [1]), { ...forward(1, 0, [1]), rows: 2 } as Job],
      'EXO_ENGINE_FAILED',
      'expected 2',
    ],
    [
      'both at once',
      [open(1, [1]), generate(1, 2), forward(1, 0, [1])],
      'EXO_ENGINE_FAILED',
      'takes no forward',
    ],
  ])('with %s fails with its reason, and frees what it had', async (_, jobs, code, message) => {
    const { submit, steps, done, endOf } = schedulerOf({ slots: 1 })
    submit(...jobs)
    await steps()
    expect(done).toEqual([{ type: 'failed', request: 1, error: expect.objectContaining({ code }) }])
    expect(done[0]).toMatchObject({ error: { message: expect.stringContaining(message) } })
    submit(open(2, prompt(3)), forward(2, 0, prompt(3)))
    await steps()
    expect(endOf(2)).toBeUndefined()
  })

  it('begins anew when it is opened again', async () => {
    const { submit, steps, tokens } = schedulerOf({ slots: 1 })
    submit(open(1, prompt(5)), generate(1, 50))
    await steps(3)
    submit(open(1, prompt(4, 9)), generate(1, 3))
    await steps()
    expect(tokens(1).slice(-3)).toEqual(await continuation(prompt(4, 9), 3))
  })
})

describe('a step that fails', () => {
  it('fails its request with the cause, and no other', async () => {
    const { submit, steps, compute, tokens, endOf } = schedulerOf({ slots: 3 })
    compute.failAt = (slot, position) => (slot === 1 && position === 6 ? new Error('no memory') : undefined)
    for (const request of [1, 2, 3]) submit(open(request, prompt(4, request)), generate(request, 6))
    await steps()
    expect(endOf(2)).toEqual({
      type: 'failed',
      request: 2,
      error: {
        code: 'EXO_ENGINE_FAILED',
        message: 'request 2: a step at position 6 with 1 rows failed',
        causes: ['no memory'],
      },
    })
    for (const request of [1, 3]) expect(tokens(request)).toEqual(await continuation(prompt(4, request), 6))
  })

  it('fails all that are open when the engine is given up', async () => {
    const { submit, scheduler, done } = schedulerOf()
    submit(open(1, prompt(4)), generate(1, 6), open(2, prompt(4)))
    scheduler.abandon(new ExovisorError('EXO_RESOURCE_CLOSED', 'over'))
    expect(done.map(one => [one.type, one.request])).toEqual([
      ['failed', 1],
      ['failed', 2],
    ])
    expect(scheduler.busy).toBe(false)
  })
})
