import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { greedyPayload, measureBatch, measureSequence } from '../../src/cluster/measure.ts'
import { StageChain } from '../../src/cluster/stage-chain.ts'
import type { Frame } from '../../src/network/frame.ts'
import { fakeChain } from './fake-chain.ts'

/** Turns of the event loop; a token takes a few. */
const MAX_TURNS = 1_000

/** A chain of stages of six layers whose tokens come in at the times that the test says. */
function paced(cuts: readonly number[] = [6]) {
  const { links } = fakeChain(cuts)
  const inner = links[0]
  if (!inner) throw new Error('a chain has a link')
  const held: Frame[] = []
  let deliver: (frame: Frame) => void = () => {}
  const chain = new StageChain(
    {
      peer: inner.peer,
      roundTripMs: undefined,
      send: frame => inner.send(frame),
      drained: () => inner.drained(),
      onClosed: listener => inner.onClosed(listener),
      close: () => inner.close(),
      onFrame: listener => {
        deliver = listener
        inner.onFrame(frame => void held.push(frame))
      },
    },
    1,
  )
  let time = 0
  const next = async (kind: Frame['kind'], request: number) => {
    const fits = (frame: Frame) => frame.kind === kind && frame.request === request
    for (let turns = 0; !held.some(fits); turns += 1) {
      if (turns === MAX_TURNS) throw new Error(`no ${kind} of generation ${request} came`)
      await turn()
    }
    for (const frame of held.splice(held.findIndex(fits), 1)) deliver(frame)
    await turn()
  }
  return {
    chain,
    now: () => time,
    setTime: (to: number) => {
      time = to
    },
    /** The next token of each of these generations comes at its time; then, much later, the word that they have ended. */
    async play(tokens: readonly (readonly [time: number, request: number])[]) {
      for (const [at, request] of tokens) {
        time = at
        await next('token', request)
      }
      time += 1_000_000
      for (const request of new Set(tokens.map(([, request]) => request))) await next('close', request)
    },
  }
}

const of = (request: number, ...times: number[]) => times.map(time => [time, request] as const)
const inOrder = (...tokens: (readonly [number, number])[]) => tokens.sort(([one], [other]) => one - other)

describe('the figures of one sequence', () => {
  it('are the time to the first token and the median between two tokens', async () => {
    const { chain, now, setTime, play } = paced()
    setTime(100)
    const figures = measureSequence(chain, greedyPayload([5, 6, 7], 4), now)
    await play(of(1, 140, 150, 170, 175))
    expect(await figures).toEqual({ prefillMs: 40, decodeMsPerToken: 10, tokenIds: [13, 19, 25, 31] })
  })

  it('take the mean of the two in the middle when the gaps are even in number', async () => {
    const { chain, now, play } = paced([3, 3])
    const figures = measureSequence(chain, greedyPayload([1], 5), now)
    await play(of(1, 40, 50, 70, 75, 79))
    expect(await figures).toMatchObject({ prefillMs: 40, decodeMsPerToken: 7.5 })
  })

  it('say once, at the first token, that the prefill is over', async () => {
    const { chain, now, play } = paced()
    const first = vi.fn(now)
    const figures = measureSequence(chain, greedyPayload([1], 3), now, first)
    await play(of(1, 40, 50, 60))
    await figures
    expect(first.mock.results.map(({ value }) => value)).toEqual([40])
  })

  it.each([[[6]], [[3, 3]]])('have exactly so many ids over %j layers: no token ends them', async cuts => {
    const { chain, now, play } = paced(cuts)
    const payload = greedyPayload([1], 8)
    const figures = measureSequence(chain, payload, now)
    await play(of(1, 1, 2, 3, 4, 5, 6, 7, 8))
    const { tokenIds } = await figures
    expect(tokenIds).toEqual([7, 13, 19, 25, 31, 37, 43, 49])
    const stopped = measureSequence(chain, { ...payload, stopIds: [19] }, now)
    await play(of(2, 11, 12))
    expect((await stopped).tokenIds).toEqual([7, 13])
  })
})

describe('the throughput of a batch', () => {
  it('counts only the tokens that came while all sequences decoded', async () => {
    const { chain, now, play } = paced()
    const payloads = [greedyPayload([1], 5), greedyPayload([100], 5)]
    const batch = measureBatch(chain, payloads, now)
    // The second one begins to decode at 25, the first one ends at 50: 30, 35, 40, 45 and 50 count.
    await play(inOrder(...of(1, 10, 20, 30, 40, 50), ...of(2, 25, 35, 45, 400, 500)))
    expect(await batch).toEqual({ tokensPerSecond: 5 / 0.025 })
  })

  it('is that of the sequence alone, without its first token, when there is only one', async () => {
    const { chain, now, play } = paced()
    const batch = measureBatch(chain, [greedyPayload([1], 3)], now)
    await play(of(1, 1_000, 1_010, 1_020))
    expect(await batch).toEqual({ tokensPerSecond: 100 })
  })

  it('is 0 when the sequences never decoded at the same time', async () => {
    const { chain, now, play } = paced()
    const batch = measureBatch(chain, [greedyPayload([1], 2), greedyPayload([100], 2)], now)
    await play([...of(1, 10, 20), ...of(2, 30, 40)])
    expect(await batch).toEqual({ tokensPerSecond: 0 })
  })
})
