import { describe, expect, it } from 'vitest'
import { StageChain } from '../../src/cluster/stage-chain.ts'
import { clusterView } from '../../src/console/cluster-view.ts'
import { parseSampling } from '../../src/engine/sampler.ts'
import { tensorFrame } from '../../src/network/frame.ts'
import { silentLog } from '../../src/resources/log.ts'
import { Registry } from '../../src/resources/registry.ts'
import { memoryLinks } from '../cluster/memory-link.ts'

const stage = (node: string, layers: readonly [number, number]) => ({ node, pid: 1, enginePid: 2, layers })

describe('the view of a cluster', () => {
  it('shows what each stage was expected to take for a token, and what it takes', async () => {
    const [entry, head] = memoryLinks('stage 0')
    const chain = new StageChain(entry, 3)
    const view = () =>
      clusterView({
        self: { id: 'a', name: 'attic' },
        registry: new Registry(silentLog),
        placement: {
          active: {
            epoch: 3,
            stages: [stage('attic', [0, 2]), stage('cellar', [2, 4])],
            expectedMs: [1.234_5, undefined],
            chain,
          },
        },
      }).placement
    expect(view()?.stages).toEqual([
      { node: 'attic', layers: [0, 2], predicted: 1.23 },
      { node: 'cellar', layers: [2, 4] },
    ])
    const address = { kind: 'token', epoch: 3, request: 1, sequence: 0, position: 0 } as const
    const answer = chain.generate({ ids: [1], maxTokens: 3, stopIds: [], sampling: parseSampling({}) })
    const first = answer.next()
    // What the prompt took is no time of a token.
    head.send(tensorFrame(address, Int32Array.of(7, 90_000, 80_000)))
    await first
    head.send(tensorFrame(address, Int32Array.of(8, 2_500, 1_500)))
    await answer.next()
    await answer.return()
    expect(view()?.stages).toEqual([
      { node: 'attic', layers: [0, 2], predicted: 1.23, measured: 1.5 },
      { node: 'cellar', layers: [2, 4], measured: 2.5 },
    ])
  })
})
