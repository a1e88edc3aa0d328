import { StageChain } from '../../src/cluster/stage-chain.ts'
import type { ComputeWorker } from '../../src/engine/compute-worker.ts'
import { Stage } from '../../src/engine/process/stage.ts'
import { FakeWorker } from './fake-worker.ts'
import { type MemoryLink, memoryLinks } from './memory-link.ts'

export interface FakeChain {
  readonly chain: StageChain
  readonly stages: readonly Stage[]
  readonly workers: readonly FakeWorker[]
  /** `links[i]` is the upper end of the link into stage i. */
  readonly links: readonly MemoryLink[]
  readonly activities: string[]
  /** Milliseconds, moved by the work of the stages: one for each row and layer. */
  readonly clock: { now: number }
}

/** Links the stages of a chain anew, as after a failure, and gives the entry's end of it. */
export function relink(stages: readonly Stage[], epoch: number): StageChain {
  const pairs = stages.map((_, index) => memoryLinks(`stage ${index}`))
  for (const [index, stage] of stages.entries()) {
    stage.link(epoch, pairs[index + 1]?.[0])
    const below = pairs[index]?.[1]
    if (below) stage.attach(below)
  }
  return new StageChain(pairs[0]?.[0] as MemoryLink, epoch)
}

/** A linked chain of stages inside this process: `cuts` are the layer counts of the stages. */
export function fakeChain(cuts: readonly number[], epoch = 1, context = 64): FakeChain {
  const total = cuts.reduce((sum, count) => sum + count, 0)
  const ends = cuts.map((_, index) => cuts.slice(0, index + 1).reduce((sum, count) => sum + count, 0))
  const activities: string[] = []
  const clock = { now: 0 }
  const workers = cuts.map((count, index) => {
    const end = ends[index] ?? 0
    const shard = {
      layers: [end - count, end],
      hiddenSize: 2,
      vocabSize: 1_000,
      first: index === 0,
      last: end === total,
      contextLength: context,
    } as const
    return new FakeWorker(shard, ms => {
      clock.now += ms
    })
  })
  const stages = workers.map(
    (worker, index) =>
      new Stage({
        worker: worker as unknown as ComputeWorker,
        shard: {
          layers: [(ends[index] ?? 0) - (cuts[index] ?? 0), ends[index] ?? 0],
          hiddenSize: 2,
          vocabSize: 1_000,
          first: index === 0,
          last: ends[index] === total,
          contextLength: context,
        },
        prefillChunk: 3,
        maxRequests: 2,
        now: () => clock.now,
        onActivity: activity => activities.push(activity),
      }),
  )
  const pairs = cuts.map((_, index) => memoryLinks(`stage ${index}`))
  for (const [index, stage] of stages.entries()) stage.link(epoch, pairs[index + 1]?.[0])
  for (const [index, stage] of stages.entries()) {
    const below = pairs[index]?.[1]
    if (below) stage.attach(below)
  }
  const links = pairs.map(([above]) => above)
  return { chain: new StageChain(links[0] as MemoryLink, epoch), stages, workers, links, activities, clock }
}
