import { describe, expect, it } from 'vitest'
import type { GenerationDone } from '../../src/cluster/generation.ts'
import { GenerationTally } from '../../src/cluster/generation-tally.ts'
import type { GenerationFacts } from '../../src/observe/metrics.ts'

const done: GenerationDone = {
  type: 'done',
  promptIds: [1, 2, 3],
  tokenIds: [7, 7],
  text: 'ab',
  finishReason: 'length',
  stats: { ttftMs: 1, decodeTokensPerSecond: 1, prefillTokensPerSecond: 1 },
}
const token = { type: 'token', position: 3, id: 7, text: 'a' } as const

function start() {
  const clock = { now: 100 }
  const told: unknown[] = []
  const metrics = {
    firstToken: (ttftMs: number) => void told.push(['first', ttftMs]),
    token: () => void told.push('token'),
    generationFinished: (facts: GenerationFacts) => void told.push(facts),
  }
  return { clock, told, tally: new GenerationTally('tiny', metrics, () => clock.now) }
}

describe('the tally of a generation', () => {
  it('counts tokens as they come, the time to the first, fail-overs and the outcome', () => {
    const { clock, told, tally } = start()
    clock.now += 40
    tally.note(token)
    tally.note({ type: 'failover', epoch: 2, gapMs: 9, reason: 'EXO_STREAM_CLOSED' })
    clock.now += 60
    tally.note(token)
    tally.note(done)
    const facts = tally.finish(false)
    expect(facts).toEqual({
      model: 'tiny',
      outcome: 'length',
      promptTokens: 3,
      completionTokens: 2,
      ttftMs: 40,
      durationMs: 100,
      failovers: 1,
    })
    expect(told).toEqual(['token', ['first', 40], 'token', facts])
  })

  it('tells one that was left from one that failed, with the tokens it cost', () => {
    const left = start().tally
    left.note(token)
    expect(left.finish(true)).toMatchObject({ outcome: 'aborted', completionTokens: 1, promptTokens: 0 })
    expect(start().tally.finish(false)).toMatchObject({ outcome: 'failed', ttftMs: undefined })
  })
})
