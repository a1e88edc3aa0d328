import { once } from 'node:events'
import { createServer } from 'node:net'
import { create } from '@bufbuild/protobuf'
import { afterEach, describe, expect, it } from 'vitest'
import { realClock } from '../../src/concurrency/clock.ts'
import { ExovisorError } from '../../src/errors.ts'
import { NodeConnection } from '../../src/network/node-connection.ts'
import { nodeServer } from '../../src/network/node-server.ts'
import {
  DescribeRequestSchema,
  PlaceShardRequestSchema,
} from '../../src/network/proto/generated/exovisor_pb.ts'
import { nodeMethods } from '../../src/network/service-definition.ts'
import { createResource } from '../../src/resources/create.ts'
import { Cleanup } from './links.ts'
import { description, handlers, shardOrder, startNode } from './nodes.ts'

const cleanup = new Cleanup()
afterEach(() => cleanup.run())

const code = (error: string) => expect.objectContaining({ code: error })

const connect = (endpoint: string, key?: string) =>
  cleanup.add(
    new NodeConnection({ endpoint, clock: realClock, ...(key !== undefined && { key }) }),
    connection => connection.close(),
  )

const order = { ...shardOrder, epoch: 3n }
const place = (connection: NodeConnection, change: object = {}, options = {}) =>
  connection.call(nodeMethods.placeShard, create(PlaceShardRequestSchema, { ...order, ...change }), options)

describe('a node server', () => {
  it('answers health checks of gRPC, and its own', async () => {
    const { resource, endpoint } = await startNode(cleanup)
    await connect(endpoint).checkHealth()
    await nodeServer.checkHealth?.(await resource.ready(), { signal: new AbortController().signal })
    await resource.close()
    await expect(connect(endpoint).checkHealth()).rejects.toEqual(code('EXO_PEER_UNREACHABLE'))
  })

  it('shows in its machine that a request is under way', async () => {
    let finish: () => void = () => {}
    const { resource, endpoint } = await startNode(cleanup, {
      linkStage: async () => {},
      placeShard: () =>
        new Promise(
          resolve =>
            (finish = () => resolve({ tensorEndpoint: '127.0.0.1:9', enginePid: 1, incarnation: 1 })),
        ),
      describe: () => {
        states.push(resource.snapshot().value)
        return description()
      },
    })
    const states: unknown[] = [resource.snapshot().value]
    const connection = connect(endpoint)
    const placed = place(connection)
    await connection.call(nodeMethods.describe, create(DescribeRequestSchema))
    finish()
    await placed
    expect(states).toEqual([{ READY: 'listening' }, { READY: 'serving' }])
  })

  it('hands a checked request to its handler, with numbers for 64-bit fields', async () => {
    const seen: unknown[] = []
    const { endpoint } = await startNode(cleanup, {
      placeShard: async request => {
        seen.push(request)
        return { tensorEndpoint: '[::1]:80', enginePid: 5, incarnation: 2 }
      },
    })
    const placed = await place(connect(endpoint))
    expect(seen).toEqual([{ ...order, epoch: 3 }])
    expect(placed).toMatchObject({ tensorEndpoint: '[::1]:80', enginePid: 5, incarnation: 2n })
  })

  it.each([
    ['placement', { placement: '' }],
    ['placement', { placement: 'x'.repeat(257) }],
    ['placement', { placement: 'new\nline' }],
    ['epoch', { epoch: 2n ** 53n }],
    ['model', { model: 'x'.repeat(4_097) }],
    ['firstLayer', { firstLayer: 4_096, endLayer: 4_097 }],
    ['endLayer', { endLayer: 4_097 }],
    ['endLayer', { firstLayer: 2, endLayer: 2 }],
    ['context', { context: 0 }],
    ['context', { context: 1_048_577 }],
    ['owner', { owner: '../etc' }],
  ])('refuses a request with a wrong %s, naming it, before its handler is called', async (field, change) => {
    let called = false
    const { endpoint } = await startNode(cleanup, {
      placeShard: async () => {
        called = true
        return { tensorEndpoint: '127.0.0.1:9', enginePid: 1, incarnation: 1 }
      },
    })
    const refused = place(connect(endpoint), change)
    await expect(refused).rejects.toEqual(code('EXO_REQUEST_INVALID'))
    await expect(refused).rejects.toThrow(`PlaceShard request to node: ${field} is `)
    expect(called).toBe(false)
  })

  it('refuses messages above 4 MB', async () => {
    const { endpoint } = await startNode(cleanup)
    const sent = connect(endpoint).call(
      { ...nodeMethods.describe, requestSerialize: (bytes: Buffer) => bytes },
      Buffer.alloc((4 << 20) + 1),
    )
    await expect(sent).rejects.toEqual(code('EXO_REQUEST_INVALID'))
  })

  it('sends the code and message of an error back to the caller', async () => {
    for (const thrown of [
      'EXO_EPOCH_STALE',
      'EXO_ENGINE_BUSY',
      'EXO_MODEL_MISMATCH',
      'EXO_ENGINE_DIED',
    ] as const) {
      const { endpoint } = await startNode(cleanup, {
        placeShard: () => Promise.reject(new ExovisorError(thrown, 'because – of this')),
      })
      const failed = place(connect(endpoint))
      await expect(failed).rejects.toEqual(code(thrown))
      await expect(failed).rejects.toThrow('because – of this')
    }
  })

  it('reports an error that is of no catalogue as EXO_INTERNAL', async () => {
    const { endpoint } = await startNode(cleanup, { placeShard: () => Promise.reject(new TypeError('oops')) })
    await expect(place(connect(endpoint))).rejects.toEqual(code('EXO_INTERNAL'))
  })

  it('aborts the work of a caller that gives up, or whose time is over', async () => {
    const aborted: unknown[] = []
    let begun: () => void = () => {}
    const { endpoint } = await startNode(cleanup, {
      placeShard: (_, { signal }) => {
        begun()
        return new Promise((_, reject) =>
          signal.addEventListener('abort', () => {
            aborted.push(signal.reason)
            reject(signal.reason)
          }),
        )
      },
    })
    const controller = new AbortController()
    const connection = connect(endpoint)
    const started = new Promise<void>(resolve => (begun = resolve))
    const given = place(connection, {}, { signal: controller.signal })
    await started
    controller.abort()
    await expect(given).rejects.toEqual(code('EXO_ABORTED'))
    await expect(place(connection, {}, { timeoutMs: 50 })).rejects.toEqual(code('EXO_PEER_TIMEOUT'))
    await connection.checkHealth()
    expect(aborted).toEqual([code('EXO_ABORTED'), code('EXO_ABORTED')])
  })

  it('lets nobody in without the key, not even for a health check', async () => {
    const key = 'the key of the house'
    const { endpoint } = await startNode(cleanup, {}, { key })
    await connect(endpoint, key).checkHealth()
    for (const wrong of [undefined, 'the key of the hous', `${key} `]) {
      await expect(connect(endpoint, wrong).checkHealth()).rejects.toEqual(code('EXO_PEER_REJECTED'))
      await expect(place(connect(endpoint, wrong))).rejects.toEqual(code('EXO_PEER_REJECTED'))
    }
  })

  it('does not start beyond loopback without a key', async () => {
    const public_ = createResource(nodeServer, {
      input: { host: '0.0.0.0', port: 0, handlers: handlers() },
      name: 'node',
    })
    await expect(public_.initialize()).rejects.toEqual(code('EXO_PUBLIC_BIND_REFUSED'))
    await public_.close()
  })

  it('names the port that is in use and who asked for it', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    cleanup.add(other, server => server.close())
    const { port } = other.address() as { port: number }
    const late = createResource(nodeServer, {
      input: { host: '127.0.0.1', port, handlers: handlers() },
      name: 'attic',
    })
    const started = late.initialize()
    await expect(started).rejects.toEqual(code('EXO_PORT_IN_USE'))
    expect(late.failure?.message).toContain(`server attic: port ${port} on 127.0.0.1 is in use`)
    await late.close()
  })

  it('knows a method that it does not have as such', async () => {
    const { endpoint } = await startNode(cleanup)
    const unknown = connect(endpoint).call(
      { ...nodeMethods.describe, path: '/exovisor.v1.NodeService/Dance' },
      create(DescribeRequestSchema),
    )
    await expect(unknown).rejects.toEqual(code('EXO_PEER_REJECTED'))
  })
})
