import { afterEach, describe, expect, it } from 'vitest'
import { ExovisorError } from '../../src/errors.ts'
import { IncarnationLedger } from '../../src/network/incarnation-ledger.ts'
import { Cleanup } from './links.ts'
import { createPeer, description, inState, shardOrder, startNode } from './nodes.ts'
import { startProxy } from './proxy.ts'

const cleanup = new Cleanup()
afterEach(() => cleanup.run())

const code = (error: string) => expect.objectContaining({ code: error })
const watch = { intervalMs: 20, deadlineMs: 150, misses: 2 }
const order = shardOrder

describe('a peer', () => {
  it('introduces both nodes to each other and is READY with the description of the other', async () => {
    const callers: unknown[] = []
    const { endpoint } = await startNode(cleanup, {
      describe: caller => {
        callers.push(caller)
        return description({ name: 'attic' })
      },
    })
    const client = await createPeer(cleanup, { endpoint, id: description().nodeId }).initialize()
    expect(client.description).toEqual(description({ name: 'attic' }))
    expect(callers).toEqual([description({ nodeId: 'b'.repeat(32), name: 'cellar' })])
    expect(await client.describe()).toEqual(client.description)
  })

  it('makes calls by method and by message, and shows in its machine that one is under way', async () => {
    const calls: unknown[] = []
    const { endpoint } = await startNode(cleanup, {
      placeShard: async request => {
        calls.push(resource.snapshot().value, request)
        return { tensorEndpoint: '0.0.0.0:4444', enginePid: 11, incarnation: 2 }
      },
      linkStage: async request => void calls.push(request),
      releaseShard: async request => void calls.push(request),
    })
    const resource = createPeer(cleanup, { endpoint })
    const client = await resource.initialize()
    // The node cannot know under which address it is reached; the peer does.
    const placed = { tensorEndpoint: '127.0.0.1:4444', enginePid: 11, incarnation: 2 }
    expect(await client.placeShard(order)).toEqual(placed)
    expect(await resource.ask({ type: 'place-shard', request: order })).toEqual(placed)
    await resource.ask({ type: 'link-stage', request: { placement: 'p', epoch: 3, nextEndpoint: '' } })
    await resource.ask({ type: 'release-shard', request: { placement: 'p', epoch: 3 } })
    expect(await resource.ask({ type: 'describe' })).toEqual(description())
    expect(calls).toEqual([
      { READY: 'calling' },
      order,
      { READY: 'calling' },
      order,
      { placement: 'p', epoch: 3, nextEndpoint: '' },
      { placement: 'p', epoch: 3 },
    ])
    expect(resource.snapshot().value).toEqual({ READY: 'idle' })
  })

  it('passes on what the other node reports', async () => {
    const { endpoint } = await startNode(cleanup, {
      linkStage: () => Promise.reject(new ExovisorError('EXO_EPOCH_STALE', 'epoch 1 is over')),
    })
    const client = await createPeer(cleanup, { endpoint }).initialize()
    const refused = client.linkStage({ placement: 'p', epoch: 1, nextEndpoint: '' })
    await expect(refused).rejects.toEqual(code('EXO_EPOCH_STALE'))
    await expect(client.placeShard({ ...order, endLayer: 0 })).rejects.toEqual(code('EXO_REQUEST_INVALID'))
  })

  it.each([
    ['another node id', {}, { id: 'c'.repeat(32) }, 'node id is aaaa'],
    ['another namespace', { namespace: 'other' }, {}, 'namespace is other, expected test'],
    ['another protocol', { protocol: 99 }, {}, 'protocol is 99, expected 2'],
    ['the id of this node itself', { nodeId: 'b'.repeat(32) }, {}, 'which is this node itself'],
    ['a description that breaks the limits', { name: 'x'.repeat(65) }, {}, 'node.name'],
  ])('rejects a node that answers with %s', async (_, answer, input, message) => {
    const { endpoint } = await startNode(cleanup, { describe: () => description(answer) })
    const resource = createPeer(cleanup, { endpoint, ...input })
    await expect(resource.initialize()).rejects.toEqual(code('EXO_PEER_REJECTED'))
    expect(resource.failure?.message).toContain(message)
  })

  it('rejects an earlier life of a node than was seen before, and takes a later one', async () => {
    let incarnation = 5
    const { endpoint } = await startNode(cleanup, { describe: () => description({ incarnation }) })
    const ledger = new IncarnationLedger()
    await createPeer(cleanup, { endpoint, ledger }).initialize()
    incarnation = 4
    const ghost = createPeer(cleanup, { endpoint, ledger })
    await expect(ghost.initialize()).rejects.toEqual(code('EXO_PEER_REJECTED'))
    expect(ghost.failure?.message).toContain('incarnation is 4, expected at least 5')
    incarnation = 6
    expect((await createPeer(cleanup, { endpoint, ledger }).initialize()).description.incarnation).toBe(6)
  })

  it('fails when the node has restarted, since all that it held is gone', async () => {
    let incarnation = 1
    const { endpoint } = await startNode(cleanup, { describe: () => description({ incarnation }) })
    const resource = createPeer(cleanup, { endpoint })
    const client = await resource.initialize()
    incarnation = 2
    await expect(client.describe()).rejects.toThrow('has restarted: incarnation is 2, was 1')
    expect(resource.state).toBe('ERROR')
  })

  it('fails when another node answers at the address', async () => {
    let nodeId = 'a'.repeat(32)
    const { endpoint } = await startNode(cleanup, { describe: () => description({ nodeId }) })
    const resource = createPeer(cleanup, { endpoint })
    const client = await resource.initialize()
    nodeId = 'd'.repeat(32)
    await expect(client.describe()).rejects.toEqual(code('EXO_PEER_REJECTED'))
    expect(resource.state).toBe('ERROR')
  })

  it('is not READY when nobody listens, or nobody answers in time', async () => {
    const { resource, endpoint } = await startNode(cleanup)
    const proxy = cleanup.add(await startProxy({ target: endpoint }), ({ close }) => close())
    proxy.stall()
    const late = createPeer(cleanup, { endpoint: proxy.endpoint, connectTimeoutMs: 50 })
    await expect(late.initialize()).rejects.toEqual(code('EXO_PEER_TIMEOUT'))
    await resource.close()
    const absent = createPeer(cleanup, { endpoint })
    await expect(absent.initialize()).rejects.toEqual(code('EXO_PEER_UNREACHABLE'))
  })

  it('is rejected without the right key', async () => {
    const { endpoint } = await startNode(cleanup, {}, { key: 'right key' })
    await createPeer(cleanup, { endpoint, key: 'right key' }).initialize()
    const stranger = createPeer(cleanup, { endpoint, key: 'wrong key' })
    await expect(stranger.initialize()).rejects.toEqual(code('EXO_PEER_REJECTED'))
  })
})

describe('a peer that goes away', () => {
  it('is DEGRADED as soon as the connection breaks, and READY again when it is back', async () => {
    const { endpoint } = await startNode(cleanup)
    const proxy = cleanup.add(await startProxy({ target: endpoint }), ({ close }) => close())
    const resource = createPeer(cleanup, { endpoint: proxy.endpoint, watch })
    await resource.initialize()
    proxy.refuse(true)
    proxy.cut()
    await inState(resource, 'DEGRADED')
    expect(resource.lastError?.code).toBe('EXO_PEER_UNREACHABLE')
    proxy.refuse(false)
    await inState(resource, 'READY')
  })

  it('is DEGRADED after some silence when it is stopped, although the connection is up, and READY when it goes on', async () => {
    const { endpoint } = await startNode(cleanup)
    const proxy = cleanup.add(await startProxy({ target: endpoint }), ({ close }) => close())
    const resource = createPeer(cleanup, { endpoint: proxy.endpoint, watch })
    await resource.initialize()
    proxy.stall()
    await inState(resource, 'DEGRADED')
    expect(resource.lastError).toMatchObject({
      code: 'EXO_PEER_TIMEOUT',
      message: expect.stringContaining('silent for'),
    })
    proxy.resume()
    await inState(resource, 'READY')
  })

  it('is mended in place by a new channel', async () => {
    const { endpoint } = await startNode(cleanup)
    const resource = createPeer(cleanup, { endpoint })
    const client = await resource.initialize()
    const { peer } = await import('../../src/network/peer.ts')
    await peer.recover?.(client, { signal: new AbortController().signal })
    expect(await client.describe()).toEqual(description())
    expect(resource.state).toBe('READY')
  })

  it('is in ERROR when it comes back as a later life of itself', async () => {
    let incarnation = 1
    const describeSelf = () => description({ incarnation })
    const first = await startNode(cleanup, { describe: describeSelf })
    const resource = createPeer(cleanup, { endpoint: first.endpoint, watch })
    await resource.initialize()
    await first.resource.close()
    await inState(resource, 'DEGRADED')
    incarnation = 2
    await startNode(cleanup, { describe: describeSelf }, { port: first.port })
    await inState(resource, 'ERROR')
    expect(resource.lastError?.message).toContain('has restarted')
  })

  it('gives the calls under way up when it is closed', async () => {
    let begun: () => void = () => {}
    const started = new Promise<void>(resolve => (begun = resolve))
    const { endpoint } = await startNode(cleanup, {
      linkStage: () => {
        begun()
        return new Promise(() => {})
      },
    })
    const resource = createPeer(cleanup, { endpoint })
    const client = await resource.initialize()
    const pending = client.linkStage({ placement: 'p', epoch: 1, nextEndpoint: '' })
    pending.catch(() => {})
    await started
    await resource.close()
    await expect(pending).rejects.toEqual(code('EXO_PEER_UNREACHABLE'))
  })

  it('fails a call under way long before its deadline when the machine has vanished', async () => {
    let begun: () => void = () => {}
    const started = new Promise<void>(resolve => (begun = resolve))
    const { endpoint } = await startNode(cleanup, {
      linkStage: () => {
        begun()
        return new Promise(() => {})
      },
    })
    const proxy = cleanup.add(await startProxy({ target: endpoint }), ({ close }) => close())
    const client = await createPeer(cleanup, { endpoint: proxy.endpoint }).initialize()
    const pending = client.linkStage({ placement: 'p', epoch: 1, nextEndpoint: '' }, { timeoutMs: 60_000 })
    pending.catch(() => {})
    await started
    proxy.stall()
    await expect(pending).rejects.toEqual(code('EXO_PEER_UNREACHABLE'))
  }, 6_000)

  it('measures the round trip', async () => {
    const { endpoint } = await startNode(cleanup)
    const proxy = cleanup.add(await startProxy({ target: endpoint, delayMs: 10 }), ({ close }) => close())
    const client = await createPeer(cleanup, {
      endpoint: proxy.endpoint,
      watch: { ...watch, deadlineMs: 1_000 },
    }).initialize()
    while (client.roundTripMs === undefined) await client.describe()
    expect(client.roundTripMs).toBeGreaterThanOrEqual(19)
  })
})
