import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { GenerationEvent } from '../../src/cluster/generation.ts'
import type { Node } from '../../src/node.ts'
import { hasStories, stories, storiesDirectory } from '../models/stories.ts'
import { testCluster } from './cluster.ts'

const fixture = resolve(import.meta.dirname, '../fixtures/tiny-llama')
const greedy = { temperature: 0 }

async function run(node: Node, prompt: string, maxTokens?: number): Promise<GenerationEvent[]> {
  const events: GenerationEvent[] = []
  for await (const event of node.events({ prompt, sampling: greedy, ...(maxTokens && { maxTokens }) }))
    events.push(event)
  return events
}

const done = (events: readonly GenerationEvent[]) => {
  const last = events.at(-1)
  if (last?.type !== 'done') throw new Error('the generation did not end')
  return last
}

const layers = (events: readonly GenerationEvent[]) => {
  const placement = events.find(event => event.type === 'placement')
  return placement?.type === 'placement' ? placement.stages.map(stage => stage.layers) : []
}

// Many processes on few cores: what takes ten seconds on a quiet machine takes a minute on a busy one.
describe('a model split over nodes', { timeout: 180_000 }, () => {
  const prompts = ['a b c', 'the quick brown fox', 'x']

  it('gives the ids and the text of the whole model, over 2, 3 and 4 nodes', async () => {
    const whole: GenerationEvent[][] = []
    for (const count of [1, 2, 3, 4]) {
      await using cluster = await testCluster(count, fixture)
      for (const [index, prompt] of prompts.entries()) {
        const events = await run(cluster.entry, prompt, 16)
        if (count === 1) whole.push(events)
        expect(layers(events)).toHaveLength(count)
        expect(done(events).tokenIds).toEqual(done(whole[index] ?? []).tokenIds)
        expect(done(events).text).toBe(done(whole[index] ?? []).text)
      }
    }
  })

  for (const count of hasStories ? [1, 2, 3, 5] : [])
    it(`equals an independent program on a trained model, id for id, on ${count} nodes`, async () => {
      await using cluster = await testCluster(count, storiesDirectory)
      for (const expected of stories.cases) {
        const events = await run(cluster.entry, expected.prompt)
        const { tokenIds, promptIds, text, finishReason } = done(events)
        expect(layers(events).at(-1)?.[1]).toBe(5)
        expect({ promptIds, tokenIds, text, finishReason }).toEqual({
          promptIds: expected.prompt_ids,
          tokenIds: expected.generated_ids,
          text: expected.continuation,
          finishReason: 'stop',
        })
      }
    })
})
