import { describe, expect, it, vi } from 'vitest'
import type { ActivePlacement } from '../../src/cluster/placement.ts'
import { type ErrorCode, ExovisorError } from '../../src/errors.ts'
import { fakeCluster } from './fake-hosts.ts'

const sampling = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 }
const fault = (code: ErrorCode) => new ExovisorError(code, 'as told')
const layers = ({ stages }: ActivePlacement) => stages.map(stage => [stage.node, ...stage.layers])

async function tokens({ chain }: ActivePlacement): Promise<number[]> {
  const ids: number[] = []
  for await (const event of chain.generate({ ids: [1], maxTokens: 2, stopIds: [], sampling }))
    if (event.type === 'token') ids.push(event.id)
  return ids
}

describe('a placement', () => {
  it('spreads the layers over all nodes at hand, the entry first, and gives tokens', async () => {
    const { placement } = fakeCluster(['b', 'c'])
    const active = await placement.acquire()
    expect(layers(active)).toEqual([
      ['entry', 0, 2],
      ['b', 2, 4],
      ['c', 4, 6],
    ])
    expect(active.stages.map(stage => stage.entry)).toEqual([true, undefined, undefined])
    expect(await tokens(active)).toEqual([7, 13])
  })

  it('is made once for all who ask at the same time, and again only when it must', async () => {
    const { placement, entry } = fakeCluster(['b'])
    const [one, two] = await Promise.all([placement.acquire(), placement.acquire()])
    expect(one).toBe(two)
    expect(await placement.acquire()).toBe(one)
    expect(entry.orders).toHaveLength(1)
  })

  it('is made anew with a higher epoch after an engine died, on the same nodes', async () => {
    const { placement, peers } = fakeCluster(['b', 'c'])
    const before = await placement.acquire()
    peers[1]?.kill()
    await expect(tokens(before)).rejects.toMatchObject({ code: 'EXO_STREAM_CLOSED' })
    const after = await placement.acquire()
    expect(after.epoch).toBeGreaterThan(before.epoch)
    expect(layers(after)).toEqual(layers(before))
    expect(await tokens(after)).toEqual([7, 13])
  })

  it('leaves out a peer that does not answer, and spreads its layers over the others', async () => {
    const { placement, peers } = fakeCluster(['b', 'c'])
    if (peers[0]) peers[0].down = fault('EXO_PEER_UNREACHABLE')
    const active = await placement.acquire()
    expect(layers(active)).toEqual([
      ['entry', 0, 3],
      ['c', 3, 6],
    ])
    expect(await tokens(active)).toEqual([7, 13])
  })

  it('takes a peer that had failed once up again, after half a minute and when no generation runs', async () => {
    let now = 0
    const { placement, peers } = fakeCluster(['b'], { now: () => now })
    peers[0]?.faults.push(fault('EXO_PEER_TIMEOUT'))
    const before = await placement.acquire()
    expect(before.stages).toHaveLength(1)
    now = 29_000
    expect(await placement.acquire()).toBe(before)
    now = 31_000
    expect((await placement.acquire()).stages).toHaveLength(2)
  })

  it('is restored without being asked when it is to be kept', async () => {
    const { placement, peers } = fakeCluster(['b'], { keep: true })
    const { epoch } = await placement.acquire()
    peers[0]?.kill()
    await vi.waitFor(() => expect(placement.active?.epoch).toBeGreaterThan(epoch))
    await placement.close()
  })

  it('is restored after a re-placement that failed, too, when it is to be kept', async () => {
    const { placement, entry, peers, network } = fakeCluster(['b'], { keep: true, attempts: 1 })
    await placement.acquire()
    entry.faults.push(fault('EXO_READY_TIMEOUT'))
    peers.push(network.add('c'))
    await expect(placement.acquire()).rejects.toMatchObject({ code: 'EXO_NO_PLACEMENT' })
    await vi.waitFor(() => expect(placement.active?.stages).toHaveLength(3))
    await placement.close()
  })

  it('asks every node for as many sequences as the entry lets in', async () => {
    const { placement, entry, peers } = fakeCluster(['b'], { slots: 7 })
    await placement.acquire()
    expect([...entry.orders, ...(peers[0]?.orders ?? [])].map(order => order.slots)).toEqual([7, 7])
  })

  it('leaves out a peer that holds other files', async () => {
    const { placement, peers } = fakeCluster(['b'])
    peers[0]?.faults.push(fault('EXO_MODEL_MISMATCH'))
    expect(layers(await placement.acquire())).toEqual([['entry', 0, 6]])
  })

  it('does not blame a stage for a neighbour that cannot be reached', async () => {
    const { placement, peers } = fakeCluster(['b', 'c'])
    peers[0]?.faults.push(fault('EXO_STREAM_CLOSED'))
    const active = await placement.acquire()
    expect(active.stages).toHaveLength(3)
    expect(active.epoch).toBe(2)
  })

  it('takes up a peer that has come, as soon as no generation runs', async () => {
    const { placement, peers, network } = fakeCluster(['b'])
    const before = await placement.acquire()
    const running = before.chain.generate({ ids: [1], maxTokens: 50, stopIds: [], sampling })
    await running.next()
    peers.push(network.add('c'))
    expect(await placement.acquire()).toBe(before)
    await running.return()
    expect(layers(await placement.acquire()).map(([node]) => node)).toEqual(['entry', 'b', 'c'])
  })

  it('has a node that is no longer used give its shard up', async () => {
    const { placement, peers } = fakeCluster(['b', 'c'])
    const { epoch } = await placement.acquire()
    const [gone] = peers.splice(0, 1)
    await placement.acquire()
    expect(gone?.released).toHaveLength(1)
    expect(gone?.released[0]).toBeGreaterThanOrEqual(epoch)
    expect(gone?.engine).toBeUndefined()
  })

  it('does not wait for a node that hangs when it goes on without it', async () => {
    const { placement, peers } = fakeCluster(['b', 'c'])
    await placement.acquire()
    const [hanging] = peers.splice(0, 1)
    if (hanging) hanging.release = () => new Promise(() => {})
    expect(layers(await placement.acquire()).map(([node]) => node)).toEqual(['entry', 'c'])
  })

  it('has a node give its shard up that held one for a try that failed', async () => {
    const { placement, peers } = fakeCluster(['b', 'c'])
    const [b] = peers
    if (b) b.link = () => Promise.reject(fault('EXO_PEER_REJECTED'))
    expect((await placement.acquire()).stages.map(stage => stage.node)).toEqual(['entry', 'c'])
    expect(b?.orders).toHaveLength(1)
    expect(b?.engine).toBeUndefined()
  })

  it('fails with the cause at once when the entry itself cannot hold its layers', async () => {
    const { placement, entry } = fakeCluster(['b'])
    entry.down = fault('EXO_MODEL_INVALID')
    await expect(placement.acquire()).rejects.toMatchObject({ code: 'EXO_MODEL_INVALID' })
    expect(entry.orders).toHaveLength(1)
  })

  it('gives up with EXO_NO_PLACEMENT and the last cause after too many tries', async () => {
    const { placement, entry } = fakeCluster([], { attempts: 2 })
    entry.down = fault('EXO_READY_TIMEOUT')
    await expect(placement.acquire()).rejects.toMatchObject({
      code: 'EXO_NO_PLACEMENT',
      cause: { code: 'EXO_READY_TIMEOUT' },
    })
    expect(entry.orders.map(order => order.epoch)).toEqual([1, 2])
  })

  it('lets a caller give up waiting, and goes on for the others', async () => {
    const { placement } = fakeCluster(['b'])
    const abort = new AbortController()
    const impatient = placement.acquire(abort.signal)
    const patient = placement.acquire()
    abort.abort()
    await expect(impatient).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    expect(await tokens(await patient)).toEqual([7, 13])
  })

  it('gives all shards up when it is closed, and starts nothing more', async () => {
    const { placement, entry, peers } = fakeCluster(['b'])
    const { chain, epoch } = await placement.acquire()
    await placement.close()
    expect(chain.broken?.code).toBe('EXO_STREAM_CLOSED')
    expect([entry.released, peers[0]?.released]).toEqual([[epoch], [epoch]])
    await expect(placement.acquire()).rejects.toMatchObject({ code: 'EXO_ABORTED' })
  })
})
