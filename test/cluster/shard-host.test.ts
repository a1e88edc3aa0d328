import { resolve } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { type EngineOptions, ShardHost } from '../../src/cluster/shard-host.ts'
import type { ShardOrder } from '../../src/cluster/stage-host.ts'
import type { InferenceClient } from '../../src/engine/inference.ts'
import { ExovisorError } from '../../src/errors.ts'
import { loadModel } from '../../src/models/load.ts'
import type { SupervisorClient } from '../../src/supervision/types.ts'

const model = resolve(import.meta.dirname, '../fixtures/tiny-llama')
const { fingerprint } = await loadModel(model)
const options: EngineOptions = { kind: 'onnx', threads: 1, prefillChunk: 8, host: '127.0.0.1' }

/** A supervisor whose engines are only names. */
function world() {
  const calls: string[] = []
  let sick = 0
  let hanging = false
  let refuse: (error: Error) => void = () => {}
  const client = {
    pid: 42,
    endpoint: '127.0.0.1:9',
    shard: {},
    async checkHealth() {
      if (sick > 0) {
        sick -= 1
        throw new ExovisorError('EXO_ENGINE_DIED', 'killed a moment ago')
      }
    },
  } as unknown as InferenceClient
  const supervisor = {
    async start({ id, input }: { id: string; input: { spec: { layers: readonly number[] } } }) {
      calls.push(`start ${id} ${input.spec.layers.join('-')}`)
      if (hanging)
        await new Promise<void>((_, reject) => {
          refuse = reject
        })
      return {
        ready: async () => client,
        client,
        fail: () => void calls.push('fail'),
        ask: async ({ epoch, next }: { epoch: number; next?: string }) =>
          void calls.push(`link ${epoch} ${next ?? 'nothing'}`),
      }
    },
    async remove(id: string) {
      calls.push(`remove ${id}`)
      refuse(new Error('removed'))
    },
  } as unknown as SupervisorClient
  const host = new ShardHost(supervisor, options, placement => `inference:${placement}`)
  const fallIll = (times: number) => {
    sick = times
  }
  const hang = () => {
    hanging = true
  }
  return { host, calls, fallIll, hang }
}

const order = (more: Partial<ShardOrder> = {}): ShardOrder => ({
  placement: 'p',
  owner: 'o',
  epoch: 1,
  model,
  fingerprint,
  layers: [0, 2],
  context: 32,
  slots: 2,
  ...more,
})

describe('a shard host', () => {
  it('starts one engine for a placement, and keeps it when a newer epoch wants the same layers', async () => {
    const { host, calls } = world()
    expect(await host.place(order())).toEqual({ endpoint: '127.0.0.1:9', enginePid: 42 })
    await host.place(order({ epoch: 2 }))
    expect(calls).toEqual(['start inference:p 0-2'])
  })

  it('starts a new engine when a newer epoch wants other layers, after the old one is gone', async () => {
    const { host, calls } = world()
    await host.place(order())
    await host.place(order({ epoch: 2, layers: [1, 4] }))
    expect(calls).toEqual(['start inference:p 0-2', 'remove inference:p', 'start inference:p 1-4'])
  })

  it('refuses an order of an older epoch, and one that it has already carried out', async () => {
    const { host, calls } = world()
    await host.place(order({ epoch: 5 }))
    for (const epoch of [4, 5])
      await expect(host.place(order({ epoch }))).rejects.toMatchObject({
        code: 'EXO_EPOCH_STALE',
        message: expect.stringContaining(`epoch ${epoch}`),
      })
    expect(calls).toHaveLength(1)
  })

  it('refuses other files than the entry node has', async () => {
    const { host, calls } = world()
    await expect(host.place(order({ fingerprint: 'other' }))).rejects.toMatchObject({
      code: 'EXO_MODEL_MISMATCH',
    })
    expect(calls).toEqual([])
  })

  it('says which model is missing', async () => {
    const { host } = world()
    await expect(host.place(order({ model: '/nowhere/at-all' }))).rejects.toMatchObject({
      code: 'EXO_MODEL_NOT_FOUND',
      message: expect.stringContaining('/nowhere/at-all'),
    })
  })

  it('asks the engine before it answers, and has one that does not answer restarted', async () => {
    const { host, calls, fallIll } = world()
    fallIll(2)
    expect(await host.place(order())).toMatchObject({ enginePid: 42 })
    expect(calls.slice(1)).toEqual(['fail', 'fail'])
    fallIll(9)
    await expect(host.place(order({ epoch: 2 }))).rejects.toMatchObject({ code: 'EXO_ENGINE_DIED' })
  })

  it('links only the epoch that it holds', async () => {
    const { host, calls } = world()
    await expect(host.link({ placement: 'p', epoch: 1 })).rejects.toMatchObject({
      code: 'EXO_EPOCH_STALE',
      message: expect.stringContaining('nothing'),
    })
    await host.place(order({ epoch: 3 }))
    await expect(host.link({ placement: 'p', epoch: 2 })).rejects.toMatchObject({ code: 'EXO_EPOCH_STALE' })
    await host.link({ placement: 'p', epoch: 3, next: '127.0.0.1:7' })
    expect(calls.at(-1)).toBe('link 3 127.0.0.1:7')
  })

  it('gives a shard up once, and not for an epoch that is past', async () => {
    const { host, calls } = world()
    await host.place(order({ epoch: 3 }))
    await host.release({ placement: 'p', epoch: 2 })
    expect(calls).toHaveLength(1)
    await host.release({ placement: 'p', epoch: 3 })
    await host.release({ placement: 'p', epoch: 3 })
    expect(calls.slice(1)).toEqual(['remove inference:p'])
  })

  it('gives up what it holds for a node that is gone, and nothing else', async () => {
    const { host, calls } = world()
    await host.place(order({ placement: 'a', owner: 'attic' }))
    await host.place(order({ placement: 'b', owner: 'cellar' }))
    await host.releaseOwnedBy('attic')
    expect(calls.slice(2)).toEqual(['remove inference:a'])
  })

  it('gives a load up as soon as who ordered it gives up', async () => {
    const { host, calls, hang } = world()
    hang()
    const abort = new AbortController()
    const placing = host.place(order(), abort.signal)
    await vi.waitFor(() => expect(calls).toHaveLength(1))
    abort.abort()
    await expect(placing).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    expect(calls).toEqual(['start inference:p 0-2', 'remove inference:p'])
  })

  it('keeps the placement of a new life of a node when it gives up those of its earlier lives', async () => {
    const { host, calls } = world()
    await host.place(order({ placement: 'attic#1', owner: 'attic' }))
    await host.place(order({ placement: 'attic#2', owner: 'attic' }))
    await host.releaseOwnedBy('attic', 'attic#2')
    expect(calls.slice(2)).toEqual(['remove inference:attic#1'])
  })

  it('carries out the orders of one placement one after the other', async () => {
    const { host, calls } = world()
    await Promise.all([host.place(order({ epoch: 1 })), host.place(order({ epoch: 2, layers: [2, 4] }))])
    expect(calls).toEqual(['start inference:p 0-2', 'remove inference:p', 'start inference:p 2-4'])
  })
})
