import { once } from 'node:events'
import { createServer } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { create } from '@bufbuild/protobuf'
import { service as healthService } from 'grpc-health-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Channel, UnaryMethod } from '../../src/network/channel.ts'
import { type ChannelPoolInput, channelPool, createChannelPool } from '../../src/network/channel-pool.ts'
import {
  DescribeRequestSchema,
  PlaceShardRequestSchema,
} from '../../src/network/proto/generated/exovisor_pb.ts'
import { NODE_SERVICE, nodeMethods } from '../../src/network/service-definition.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import { Cleanup } from './links.ts'
import { description, inState, shardOrder, startNode } from './nodes.ts'
import { startProxy } from './proxy.ts'

const cleanup = new Cleanup()
afterEach(() => cleanup.run())

const code = (error: string) => expect.objectContaining({ code: error })
const describeNode = (channel: Channel, options = {}) =>
  channel.call(nodeMethods.describe, create(DescribeRequestSchema), options)

/** A node behind a proxy that counts connections and can cut them. */
async function proxied(change: Parameters<typeof startNode>[1] = {}, options = {}) {
  const node = await startNode(cleanup, change, options)
  const proxy = cleanup.add(await startProxy({ target: node.endpoint }), ({ close }) => close())
  return { ...node, endpoint: proxy.endpoint, proxy }
}

const startPool = async (options: ChannelPoolInput) =>
  cleanup.add(await createChannelPool({ name: 'nodes', ...options }), pool => pool.close())

describe('a pool of gRPC channels', () => {
  it('lends channels on which calls reach the server, with its answer and its errors', async () => {
    const { endpoint } = await proxied({
      describe: () => description({ name: 'attic' }),
      placeShard: () => Promise.reject(new Error('no memory')),
    })
    const pool = await startPool({ endpoints: [endpoint] })
    expect(await pool.use(channel => describeNode(channel))).toMatchObject({ node: { name: 'attic' } })
    const order = create(PlaceShardRequestSchema, { ...shardOrder, epoch: 3n })
    await expect(pool.use(channel => channel.call(nodeMethods.placeShard, order))).rejects.toThrow(
      'no memory',
    )
    expect(pool.statistics()).toMatchObject({ created: 1, borrows: 2, idle: 1 })
  })

  it('shows the key of the pool in calls, also in those that are made with the client itself', async () => {
    const { endpoint } = await proxied({}, { key: 'secret' })
    const open = await startPool({ endpoints: [endpoint] })
    await expect(open.use(channel => describeNode(channel))).rejects.toEqual(code('EXO_PEER_REJECTED'))
    const pool = await startPool({ endpoints: [endpoint], key: 'secret' })
    await pool.use(channel => describeNode(channel))
    const { path, requestSerialize, responseDeserialize } = nodeMethods.describe
    const answer = await pool.use(
      channel =>
        new Promise(resolve => {
          const request = create(DescribeRequestSchema)
          const told = (error: unknown, value: unknown) => resolve(error ?? value)
          channel.client.makeUnaryRequest(
            path,
            requestSerialize,
            responseDeserialize,
            request,
            channel.metadata(),
            told,
          )
        }),
    )
    expect(answer).toMatchObject({ node: { nodeId: description().nodeId } })
  })

  it('gives each channel a connection of its own', async () => {
    const { endpoint, proxy } = await proxied()
    const pool = await startPool({ endpoints: [endpoint], min: 3, max: 3 })
    expect(proxy.connections).toBe(3)
    await Promise.all([1, 2, 3].map(() => pool.use(channel => describeNode(channel))))
    expect(proxy.connections).toBe(3)
  })

  it('replaces channels whose connection is lost, and tells their borrowers at once', async () => {
    const { endpoint, proxy } = await proxied()
    const pool = await startPool({ endpoints: [endpoint], min: 2, max: 2 })
    const lease = await pool.acquire()
    const lost = new Promise(resolve => lease.signal.addEventListener('abort', resolve))
    proxy.cut()
    await lost
    expect(lease.signal.reason).toEqual(code('EXO_PEER_UNREACHABLE'))
    lease.release()
    expect(await pool.use(channel => describeNode(channel))).toMatchObject({ node: { name: 'attic' } })
    await vi.waitFor(() => expect(pool.statistics()).toMatchObject({ idle: 2, members: 2, lost: 2 }))
  })

  it('never lends a channel that it knows to be dead: what is lent is connected', async () => {
    const { endpoint, proxy } = await proxied()
    const pool = await startPool({ endpoints: [endpoint], max: 2 })
    for (let round = 0; round < 5; round += 1) {
      const lease = await pool.acquire()
      expect(lease.client.isConnected).toBe(true)
      await describeNode(lease.client)
      lease.release()
      proxy.cut()
      await vi.waitFor(() => expect(pool.statistics().lost).toBe(round + 1))
    }
    expect(pool.statistics().created).toBe(5)
  })

  it('spreads over its addresses, and over those that are left when one is gone', async () => {
    const [a, b] = [await proxied(), await proxied()]
    const pool = await startPool({ endpoints: [a.endpoint, b.endpoint], min: 4, max: 4 })
    expect([a.proxy.connections, b.proxy.connections]).toEqual([2, 2])
    b.proxy.refuse(true)
    b.proxy.cut()
    await vi.waitFor(() => expect(pool.statistics()).toMatchObject({ idle: 4, members: 4 }))
    await vi.waitFor(() => expect(a.proxy.connections).toBe(4))
    await Promise.all([1, 2, 3, 4].map(() => pool.use(channel => describeNode(channel))))
  })

  it('names every address when none answers', async () => {
    const [a, b] = [await proxied(), await proxied()]
    const endpoints = [a.endpoint, b.endpoint]
    a.proxy.refuse(true)
    b.proxy.refuse(true)
    const pool = await startPool({ endpoints })
    const borrowing = pool.acquire()
    await expect(borrowing).rejects.toEqual(code('EXO_PEER_UNREACHABLE'))
    for (const endpoint of endpoints) await expect(borrowing).rejects.toThrow(endpoint)
    expect(pool.statistics()).toMatchObject({ members: 0, createFailures: 1 })
    await expect(startPool({ endpoints, min: 1 })).rejects.toEqual(code('EXO_PEER_UNREACHABLE'))
  })

  it('gives up an address that takes the connection and says nothing', async () => {
    const [silent, good] = [await proxied(), await proxied()]
    silent.proxy.stall()
    const pool = await startPool({ endpoints: [silent.endpoint, good.endpoint], connectTimeoutMs: 100 })
    const lease = await pool.acquire()
    expect(lease.client.endpoint).toBe(good.endpoint)
    lease.release()
  })

  it('notices by keepalive that a connection is dead without being closed', async () => {
    const { endpoint, proxy } = await proxied()
    const pool = await startPool({ endpoints: [endpoint], min: 1, max: 1 })
    const lease = await pool.acquire()
    const lost = new Promise(resolve => lease.signal.addEventListener('abort', resolve))
    proxy.stall()
    await lost
    proxy.resume()
    lease.release()
    await pool.use(channel => describeNode(channel))
  })

  it('waits at its closing for a call that is under way, and leaves no connection and no handle behind', async () => {
    const sockets = () => process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length
    let answer = () => {}
    const { endpoint, proxy } = await proxied({
      placeShard: () =>
        new Promise(
          resolve =>
            (answer = () => resolve({ tensorEndpoint: '127.0.0.1:9', enginePid: 1, incarnation: 1 })),
        ),
    })
    const pool = await createChannelPool({ endpoints: [endpoint], min: 2, max: 4 })
    expect(sockets()).toBeGreaterThan(0)
    const order = create(PlaceShardRequestSchema, { ...shardOrder, epoch: 3n })
    const idle = answer
    const placing = pool.use(channel => channel.call(nodeMethods.placeShard, order))
    await vi.waitFor(() => expect(answer).not.toBe(idle))
    const closing = pool.close()
    await expect(pool.acquire()).rejects.toEqual(code('EXO_RESOURCE_CLOSED'))
    answer()
    expect(await placing).toMatchObject({ enginePid: 1 })
    await closing
    await vi.waitFor(() => expect(proxy.connections).toBe(0))
    await vi.waitFor(() => expect(sockets()).toBe(0))
  })

  it('takes back channels at its closing after drainTimeout: calls on them fail', async () => {
    const { endpoint, proxy } = await proxied({ placeShard: () => new Promise(() => {}) })
    const pool = await createChannelPool({ endpoints: [endpoint], drainTimeout: 50 })
    const order = create(PlaceShardRequestSchema, { ...shardOrder, epoch: 3n })
    const placing = pool.use(channel => channel.call(nodeMethods.placeShard, order))
    const failing = expect(placing).rejects.toEqual(code('EXO_PEER_UNREACHABLE'))
    await vi.waitFor(() => expect(pool.statistics().borrowed).toBe(1))
    await pool.close()
    await failing
    await vi.waitFor(() => expect(proxy.connections).toBe(0))
  })

  it('tells a lost connection, a late answer and a refusal apart', async () => {
    const { endpoint, proxy } = await proxied({ placeShard: () => new Promise(() => {}) })
    const pool = await startPool({ endpoints: [endpoint] })
    const order = create(PlaceShardRequestSchema, { ...shardOrder, epoch: 3n })
    const place = (request: typeof order, timeoutMs: number) =>
      pool.use(channel => channel.call(nodeMethods.placeShard, request, { timeoutMs }))
    await expect(place(order, 50)).rejects.toEqual(code('EXO_PEER_TIMEOUT'))
    const wrong = create(PlaceShardRequestSchema, { ...shardOrder, epoch: 3n, placement: '' })
    await expect(place(wrong, 5_000)).rejects.toEqual(code('EXO_REQUEST_INVALID'))
    const lost = expect(place(order, 5_000)).rejects.toEqual(code('EXO_PEER_UNREACHABLE'))
    await vi.waitFor(() => expect(pool.statistics().borrowed).toBe(1))
    await new Promise(resolve => setImmediate(resolve))
    proxy.cut()
    await lost
  })

  it('lends a channel on which the health check of gRPC works', async () => {
    const { endpoint } = await proxied()
    const pool = await startPool({ endpoints: [endpoint] })
    const check = healthService['Check'] as UnaryMethod<{ service: string }, { status: string }>
    expect(await pool.use(channel => channel.call(check, { service: NODE_SERVICE }))).toMatchObject({
      status: 'SERVING',
    })
  })

  it('takes addresses as host:port, and refuses a pair of host and port with a word about what it expected', async () => {
    const pair = ['127.0.0.1', 50_051] as unknown as string
    await expect(startPool({ endpoints: [pair] })).rejects.toThrow('expected host:port')
  })

  it('is supervised like any resource', async () => {
    const { endpoint } = await proxied()
    const root = await supervise({
      children: [
        {
          id: 'nodes',
          resource: channelPool,
          input: { endpoints: [endpoint], min: 1 },
          policy: { backoff: { initial: 0 } },
        },
      ],
    })
    const ref = root.ref(channelPool, 'nodes')
    const before = await ref.ready()
    expect(ref.snapshot()).toMatchObject({ kind: 'channel-pool', displayName: endpoint })
    ref.fail(new Error('mend me'))
    await inState(ref, 'CLOSED')
    const after = await ref.ready({ timeout: 5_000 })
    expect(after).not.toBe(before)
    await after.use(channel => describeNode(channel))
    await root.close()
  })

  it('is called by its addresses, or by the first of them when there are many', async () => {
    const names = [['a:1'], ['a:1', 'b:2'], ['a:1', 'b:2', 'c:3']].map(endpoints =>
      channelPool.displayName?.({ endpoints }),
    )
    expect(names).toEqual(['a:1', 'a:1, b:2', 'a:1 and 2 more'])
  })

  it.each([
    [{ endpoints: [] }, 'EXO_POOL_INVALID', 'endpoints'],
    [{}, 'EXO_POOL_INVALID', 'endpoints is undefined, expected 1 to 1000 addresses'],
    [{ endpoints: [null] }, 'EXO_POOL_INVALID', 'endpoints is null, expected host:port'],
    [{ endpoints: ['nowhere'] }, 'EXO_REQUEST_INVALID', 'nowhere'],
    [{ endpoints: ['127.0.0.1:1'], connectTimeoutMs: 0 }, 'EXO_POOL_INVALID', 'connectTimeoutMs is 0'],
    [{ endpoints: ['127.0.0.1:1'], windowBytes: 1 }, 'EXO_POOL_INVALID', 'windowBytes is 1'],
    [{ endpoints: ['127.0.0.1:1'], max: 0 }, 'EXO_POOL_INVALID', 'max is 0'],
  ])('refuses %j', async (wrong, errorCode, text) => {
    const options = wrong as unknown as ChannelPoolInput
    await expect(startPool(options)).rejects.toEqual(code(errorCode))
    await expect(startPool(options)).rejects.toThrow(text)
  })

  it('leaves no connection behind when the server comes up after a channel was given up', async () => {
    const server = cleanup.add(createServer(), http => http.close())
    const second = new Promise<Socket>(resolve => {
      let connections = 0
      server.on('connection', (socket: Socket) => {
        connections += 1
        if (connections === 1) socket.resetAndDestroy()
        else resolve(socket)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const pool = await startPool({ endpoints: [`127.0.0.1:${(server.address() as AddressInfo).port}`] })
    await expect(pool.acquire()).rejects.toEqual(code('EXO_PEER_UNREACHABLE'))
    // grpc-js begins a retry that was due already.
    const socket = await second
    if (!socket.destroyed) await once(socket, 'close')
  })
})
