import { describe, expect, it, vi } from 'vitest'
import { type ChainEvent, READ_AHEAD_TOKENS } from '../../src/cluster/stage-chain.ts'
import type { OpenPayload } from '../../src/engine/process/protocol.ts'
import { jsonFrame } from '../../src/network/frame.ts'
import { fakeChain, relink } from './fake-chain.ts'

const sampling = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 }
const open = (ids: number[], maxTokens = 4, stopIds: number[] = []): OpenPayload => ({
  ids,
  maxTokens,
  stopIds,
  sampling,
})

async function collect(events: AsyncIterable<ChainEvent>): Promise<ChainEvent[]> {
  const all: ChainEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

/** Lets everything run until a count does not change any more. */
async function standstill(count: () => number): Promise<number> {
  for (let before = -1; before !== count(); ) {
    before = count()
    for (let turn = 0; turn < 50; turn += 1) await new Promise(resolve => setImmediate(resolve))
  }
  return count()
}

const tokens = (events: readonly ChainEvent[]) =>
  events.flatMap(event => (event.type === 'token' ? [event.id] : []))

/** The events without what is measured. */
const unmeasured = (events: readonly ChainEvent[]) =>
  events.map(event => {
    if (event.type === 'end') return event
    const { stageMs: _, ...rest } = event
    return rest
  })

describe('a chain of stages', () => {
  for (const cuts of [[6], [3, 3], [1, 4, 1], [2, 1, 1, 1, 1]])
    it(`gives the same tokens over ${cuts.length} stages as over one`, async () => {
      const { chain } = fakeChain(cuts)
      const events = await collect(chain.generate(open([5, 6, 7, 8, 9, 10, 11])))
      expect(unmeasured(events)).toEqual([
        { type: 'token', id: 17, position: 7 },
        { type: 'token', id: 23, position: 8 },
        { type: 'token', id: 29, position: 9 },
        { type: 'token', id: 35, position: 10 },
        { type: 'end', reason: 'length' },
      ])
    })

  for (const cuts of [[6], [3, 3], [1, 4, 1]])
    it(`tells how long each stage was busy with each token, over ${cuts.length} stages`, async () => {
      const { chain } = fakeChain(cuts)
      const times = (await collect(chain.generate(open([5, 6, 7], 4)))).flatMap(event =>
        event.type === 'token' ? [event.stageMs] : [],
      )
      expect(times).toEqual([cuts.map(layers => 3 * layers), cuts, cuts, cuts])
      expect(cuts.map((_, stage) => chain.stageMs(stage))).toEqual(cuts)
    })

  it('has measured nothing while no token came that was no prefill', async () => {
    const { chain } = fakeChain([3, 3])
    await collect(chain.generate(open([5, 6, 7], 1)))
    expect(chain.stageMs(0)).toBeUndefined()
  })

  for (const cuts of [[6], [3, 3]])
    it(`does not count the wait for a slow reader, over ${cuts.length} stages`, async () => {
      const { chain, clock } = fakeChain(cuts, 1, 512)
      const times: (readonly number[])[] = []
      for await (const event of chain.generate(open([1], 400))) {
        if (event.type !== 'token') continue
        times.push(event.stageMs)
        if (times.length !== 1) continue
        // All that may be read ahead has been made by then, and the stages wait.
        for (let turn = 0; turn < 5_000; turn += 1) await new Promise(resolve => setImmediate(resolve))
        clock.now += 60_000
      }
      expect(times).toHaveLength(400)
      expect(Math.max(...times.flat())).toBe(Math.max(...cuts))
    })

  it('feeds a long prompt in chunks, and has only the last one sampled', async () => {
    const { chain, workers } = fakeChain([3, 3])
    await collect(chain.generate(open([1, 2, 3, 4, 5, 6, 7], 1)))
    const forwards = workers[1]!.jobs.flatMap(job =>
      job.type === 'forward' ? [[job.position, job.rows, job.sample]] : [],
    )
    expect(forwards).toEqual([
      [0, 3, false],
      [3, 3, false],
      [6, 1, true],
    ])
  })

  for (const cuts of [[6], [3, 3]])
    it(`ends at a stop token without passing it on, over ${cuts.length} stages`, async () => {
      const { chain } = fakeChain(cuts)
      const events = await collect(chain.generate(open([5], 10, [17])))
      expect(unmeasured(events)).toEqual([
        { type: 'token', id: 11, position: 1 },
        { type: 'end', reason: 'stop' },
      ])
    })

  for (const cuts of [[6], [3, 3]])
    it(`ends when the context is full, over ${cuts.length} stages`, async () => {
      const { chain } = fakeChain(cuts, 1, 8)
      const events = await collect(chain.generate(open([1, 2, 3, 4, 5, 6], 100)))
      expect(tokens(events)).toEqual([12, 18])
      expect(events.at(-1)).toEqual({ type: 'end', reason: 'length' })
    })

  for (const cuts of [[6], [3, 3]])
    it(`stays a bounded number of tokens ahead of a slow reader, over ${cuts.length} stages, and loses none`, async () => {
      const { chain, links } = fakeChain(cuts, 1, 4_096)
      const made = () => links[0]!.other!.sent.filter(({ kind }) => kind === 'token').length
      const events = chain.generate(open([1], 1_000))
      let seen = 0
      for (const taken of [1, 50, 200, 400]) {
        for (; seen < taken; seen += 1)
          expect((await events.next()).value).toMatchObject({ id: 7 + 6 * seen })
        const ahead = (await standstill(made)) - seen
        expect(ahead).toBeLessThanOrEqual(READ_AHEAD_TOKENS)
        expect(ahead).toBeGreaterThan(READ_AHEAD_TOKENS / 4)
      }
      const rest = await collect(events)
      expect(tokens(rest)).toEqual(Array.from({ length: 600 }, (_, index) => 7 + 6 * (400 + index)))
      expect(rest.at(-1)).toEqual({ type: 'end', reason: 'length' })
    })

  it('carries several generations at a time, each with its own tokens', async () => {
    const { chain } = fakeChain([2, 2, 2])
    const [a, b] = await Promise.all([
      collect(chain.generate(open([1]))),
      collect(chain.generate(open([100]))),
    ])
    expect(tokens(a)).toEqual([7, 13, 19, 25])
    expect(tokens(b)).toEqual([106, 112, 118, 124])
  })

  it('closes a generation in every stage when its reader leaves', async () => {
    const { chain, workers, activities } = fakeChain([3, 3])
    for await (const event of chain.generate(open([1], 50))) if (event.type === 'token') break
    await collect(chain.generate(open([1], 1)))
    for (const worker of workers) expect(worker.jobs).toContainEqual({ type: 'close', request: 1 })
    expect(chain.active).toBe(0)
    expect(activities.filter(activity => activity === 'prefill.started')).toHaveLength(4)
    const ended = () => activities.filter(activity => activity === 'generation.ended')
    await vi.waitFor(() => expect(ended()).toHaveLength(4))
  })

  it('ends a generation at once when its signal fires', async () => {
    const { chain } = fakeChain([3, 3])
    const abort = new AbortController()
    const running = (async () => {
      for await (const _ of chain.generate(open([1], 50), abort.signal)) abort.abort()
    })()
    await expect(running).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    expect(chain.active).toBe(0)
  })

  it('refuses one generation more than its stages hold, and the others go on', async () => {
    const { chain } = fakeChain([3, 3])
    const running = [collect(chain.generate(open([1], 5))), collect(chain.generate(open([2], 5)))]
    await expect(collect(chain.generate(open([3], 5)))).rejects.toMatchObject({ code: 'EXO_ENGINE_BUSY' })
    expect((await Promise.all(running)).map(events => events.length)).toEqual([6, 6])
  })

  it('fails only the generation whose step fails, with the code that the stage gave', async () => {
    const { chain, workers } = fakeChain([3, 3])
    workers[1]!.failNext = true
    await expect(collect(chain.generate(open([1])))).rejects.toMatchObject({
      code: 'EXO_ENGINE_FAILED',
      message: 'as told',
    })
    expect(chain.broken).toBeUndefined()
    expect(tokens(await collect(chain.generate(open([1], 1))))).toEqual([7])
  })

  for (const broken of [0, 1, 2])
    it(`fails every generation with EXO_STREAM_CLOSED when link ${broken} breaks`, async () => {
      const { chain, links } = fakeChain([2, 2, 2])
      const running = (async () => {
        for await (const event of chain.generate(open([1], 50)))
          if (event.type === 'token' && event.position === 3) links[broken]?.cut()
      })()
      await expect(running).rejects.toMatchObject({ code: 'EXO_STREAM_CLOSED', retryable: true })
      expect(chain.broken?.code).toBe('EXO_STREAM_CLOSED')
      await expect(collect(chain.generate(open([1])))).rejects.toMatchObject({ code: 'EXO_STREAM_CLOSED' })
    })
})

describe('the epoch of a stage', () => {
  it('has frames of an older epoch refused, and the chain that sent them broken', async () => {
    const { chain, stages } = fakeChain([6], 3)
    stages[0]?.link(4, undefined)
    await expect(collect(chain.generate(open([1])))).rejects.toMatchObject({
      code: expect.stringMatching(/EPOCH_STALE|STREAM_CLOSED/),
    })
  })

  it('answers a frame of another epoch with EXO_EPOCH_STALE, naming both', async () => {
    const { links, workers } = fakeChain([6], 3)
    const answer = new Promise(resolve => links[0]?.onFrame(resolve))
    links[0]?.send(jsonFrame({ kind: 'open', epoch: 2, request: 9 }, open([1])))
    const frame = (await answer) as { kind: string; payload: Uint8Array }
    expect(frame.kind).toBe('error')
    expect(JSON.parse(Buffer.from(frame.payload).toString())).toMatchObject({
      code: 'EXO_EPOCH_STALE',
      message: expect.stringMatching(/epoch 2.*epoch 3/),
    })
    expect(workers[0]?.jobs).toEqual([])
  })

  it('never goes back', () => {
    const { stages } = fakeChain([6], 3)
    expect(() => stages[0]?.link(3, undefined)).toThrow(/epoch 3/)
    expect(() => stages[0]?.link(2, undefined)).toThrow(/epoch 2/)
  })
})

describe('a frame that a stage cannot use', () => {
  it('is refused with what was expected, and the stage goes on', async () => {
    const { chain, links } = fakeChain([3, 3])
    const wrong = collect(chain.generate({ ...open([1]), maxTokens: 0 }))
    await expect(wrong).rejects.toMatchObject({ code: 'EXO_FRAME_INVALID' })
    links[1]?.send({
      kind: 'tensor',
      epoch: 1,
      request: 77,
      sequence: 0,
      position: 0,
      flags: 0,
      dtype: 'i32',
      shape: [1],
      payload: new Uint8Array(4),
    })
    expect(tokens(await collect(chain.generate(open([1], 1))))).toEqual([7])
  })

  it('is refused when its shape does not fit the shard', async () => {
    const { chain, links } = fakeChain([3, 3])
    const wrong = {
      kind: 'tensor',
      epoch: 1,
      request: 1,
      sequence: 0,
      position: 0,
      flags: 0,
      dtype: 'f32',
      shape: [1, 3],
      payload: new Uint8Array(12),
    } as const
    const running = (async () => {
      for await (const event of chain.generate(open([1], 50)))
        if (event.type === 'token') links[1]?.send(wrong)
    })()
    await expect(running).rejects.toMatchObject({
      code: 'EXO_FRAME_INVALID',
      message: expect.stringContaining('f32[rows, 2]'),
    })
  })
})

describe('a worker that answers late', () => {
  for (const cuts of [[6], [3, 3]])
    it(`cannot give the token of an older epoch to a request of the new one, over ${cuts.length} stages`, async () => {
      const { chain, stages, workers, links } = fakeChain(cuts)
      const [worker] = workers
      worker!.holdAnswers()
      const old = collect(chain.generate(open([500], 4)))
      await vi.waitFor(() => expect(worker!.held).toBeGreaterThan(0))
      links[0]?.cut()
      await expect(old).rejects.toMatchObject({ code: 'EXO_STREAM_CLOSED' })
      const next = relink(stages, 2)
      const fresh = collect(next.generate(open([5], 3)))
      const before = worker!.held
      await vi.waitFor(() => expect(worker!.held).toBeGreaterThan(before))
      worker!.releaseAnswers()
      expect(tokens(await fresh)).toEqual([11, 17, 23])
    })
})
