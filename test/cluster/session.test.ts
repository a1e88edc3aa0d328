import { describe, expect, it } from 'vitest'
import type { GenerationDone, GenerationEvent } from '../../src/cluster/generation.ts'
import type { ActivePlacement } from '../../src/cluster/placement.ts'
import { Session, type SessionOptions } from '../../src/cluster/session.ts'
import { ExovisorError } from '../../src/errors.ts'
import type { ModelTokenizer } from '../../src/models/tokenizer.ts'
import { type FakeChain, fakeChain } from './fake-chain.ts'

/** Each id is one word; 500 and above are the two halves of one character. */
const tokenizer = {
  isText: () => true,
  decode: (ids: readonly number[]) =>
    ids
      .map(id => `<${id}>`)
      .join('')
      .replaceAll('<500><506>', 'é')
      .replace(/<500>$/, '\uFFFD'),
} as unknown as ModelTokenizer

interface World {
  readonly session: Session
  readonly chains: FakeChain[]
}

/** A session over fake chains of six layers: each token is the one before plus 6. `acquire` makes a new chain when the last is broken. */
function world(options: Partial<SessionOptions> & { cuts?: readonly number[] } = {}): World {
  const chains: FakeChain[] = []
  let time = 0
  const acquire = async (): Promise<ActivePlacement> => {
    const last = chains.at(-1)
    const chain =
      last && !last.chain.broken ? last : fakeChain(options.cuts ?? [3, 3], chains.length + 1, 4_096)
    if (chain !== last) chains.push(chain)
    const stages = [
      { node: 'a', pid: 1, enginePid: 10 + chains.length, layers: [0, 6] as const, entry: true as const },
    ]
    return { epoch: chain.chain.epoch, stages, chain: chain.chain }
  }
  const session = new Session({
    promptIds: [1],
    maxTokens: 8,
    stopIds: [],
    stop: [],
    sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 },
    tokenizer,
    acquire,
    now: () => (time += 5),
    ...options,
  })
  return { session, chains }
}

async function run(
  session: Session,
  onToken: (position: number) => void = () => {},
): Promise<GenerationEvent[]> {
  const events: GenerationEvent[] = []
  for await (const event of session.run()) {
    events.push(event)
    if (event.type === 'token') onToken(event.position)
  }
  return events
}

const doneOf = (events: readonly GenerationEvent[]) => events.find(event => event.type === 'done')
const tokensOf = (events: readonly GenerationEvent[]) => events.filter(event => event.type === 'token')

describe('a session', () => {
  it('tells the placement, then each token in order, then the end', async () => {
    const events = await run(world({ maxTokens: 3 }).session)
    expect(events.map(event => event.type)).toEqual(['placement', 'token', 'token', 'token', 'done'])
    expect(tokensOf(events)).toEqual([
      { type: 'token', position: 1, id: 7, text: '<7>' },
      { type: 'token', position: 2, id: 13, text: '<13>' },
      { type: 'token', position: 3, id: 19, text: '<19>' },
    ])
    expect(doneOf(events)).toMatchObject({
      promptIds: [1],
      tokenIds: [7, 13, 19],
      text: '<7><13><19>',
      finishReason: 'length',
    })
  })

  it('gives figures that follow from its clock', async () => {
    const done = doneOf(await run(world({ maxTokens: 3 }).session))
    expect(done?.type === 'done' && done.stats.ttftMs).toBeGreaterThan(0)
    expect(done?.type === 'done' && done.stats.decodeTokensPerSecond).toBeGreaterThan(0)
  })

  it('leaves the stop token out of the result', async () => {
    const done = doneOf(await run(world({ stopIds: [19] }).session))
    expect(done).toMatchObject({ tokenIds: [7, 13], finishReason: 'stop', text: '<7><13>' })
  })

  it('cuts the text at a stop text, also across tokens, and stops the stages', async () => {
    const { session, chains } = world({ stop: ['13><1'], maxTokens: 50 })
    const events = await run(session)
    expect(doneOf(events)).toMatchObject({ text: '<7><', finishReason: 'stop', tokenIds: [7, 13, 19] })
    expect(
      tokensOf(events)
        .map(event => event.text)
        .join(''),
    ).toBe('<7><')
    expect(chains[0]?.chain.active).toBe(0)
  })

  it('gives a text that was held back for a stop text to the last token when the end comes', async () => {
    const events = await run(world({ stop: ['<19><zzz'], maxTokens: 3 }).session)
    expect(tokensOf(events).map(event => event.text)).toEqual(['<7>', '<13>', '<19>'])
    expect(doneOf(events)).toMatchObject({ text: '<7><13><19>' })
  })

  it('holds half a character back until it is whole', async () => {
    const events = await run(world({ promptIds: [494], maxTokens: 3 }).session)
    expect(tokensOf(events).map(event => event.text)).toEqual(['', 'é', '<512>'])
  })

  it('adds up to the text of the end, whatever was held back', async () => {
    const events = await run(world({ promptIds: [494], maxTokens: 1 }).session)
    expect(tokensOf(events)).toHaveLength(1)
    expect(
      tokensOf(events)
        .map(event => event.text)
        .join(''),
    ).toBe((doneOf(events) as { text: string }).text)
  })
})

describe('a session whose stage dies', () => {
  const undisturbed = () => run(world({ maxTokens: 12 }).session)

  for (const at of [1, 2, 6, 11])
    for (const link of [0, 1])
      it(`goes on with the token that would have come: link ${link} cut at position ${at}`, async () => {
        const { session, chains } = world({ maxTokens: 12 })
        const events = await run(session, position => position === at && chains[0]?.links[link]?.cut())
        expect(tokensOf(events)).toEqual(tokensOf(await undisturbed()))
        expect(doneOf(events)).toMatchObject({
          tokenIds: (doneOf(await undisturbed()) as GenerationDone).tokenIds,
        })
        expect(chains).toHaveLength(2)
      })

  it('tells of the fail-over and the new placement before the first new token', async () => {
    const { session, chains } = world({ maxTokens: 4 })
    const events = await run(session, position => position === 2 && chains[0]?.links[1]?.cut())
    expect(events.map(event => event.type)).toEqual([
      'placement',
      'token',
      'token',
      'failover',
      'placement',
      'token',
      'token',
      'done',
    ])
    expect(events[3]).toMatchObject({ type: 'failover', epoch: 2, reason: expect.stringContaining('stage') })
    expect(events[3]?.type === 'failover' && events[3].gapMs).toBeGreaterThan(0)
    expect(events[4]).toMatchObject({ epoch: 2 })
  })

  it('survives one failure after the other', async () => {
    const { session, chains } = world({ maxTokens: 12 })
    const events = await run(session, () => chains.at(-1)?.links[1]?.cut())
    expect(tokensOf(events)).toEqual(tokensOf(await undisturbed()))
    expect(chains.length).toBeGreaterThan(6)
  })

  it('replays prompt and generated ids as one prompt', async () => {
    const { session, chains } = world({ maxTokens: 6 })
    await run(session, position => position === 3 && chains[0]?.links[0]?.cut())
    const opened = chains[1]?.workers[0]?.jobs.find(job => job.type === 'open')
    expect(opened?.type === 'open' && [...opened.ids]).toEqual([1, 7, 13, 19])
  })

  it('gives up with EXO_FAILOVER_EXHAUSTED when no token comes any more', async () => {
    const broken = fakeChain([6])
    broken.chain.close()
    const placement = { epoch: 1, stages: [], chain: broken.chain }
    const { session } = world({ acquire: async () => placement, resumes: 3 })
    await expect(run(session)).rejects.toMatchObject({ code: 'EXO_FAILOVER_EXHAUSTED' })
  })

  it('does not resume a fault that would come again', async () => {
    const { session, chains } = world({ maxTokens: 4 })
    const running = run(session, () => {
      for (const worker of chains[0]?.workers ?? []) worker.failNext = true
    })
    await expect(running).rejects.toMatchObject({ code: 'EXO_ENGINE_FAILED' })
    expect(chains).toHaveLength(1)
  })

  it('passes on that no placement came about', async () => {
    const { session } = world({
      acquire: () => Promise.reject(new ExovisorError('EXO_NO_PLACEMENT', 'no node')),
    })
    await expect(run(session)).rejects.toMatchObject({ code: 'EXO_NO_PLACEMENT' })
  })
})
