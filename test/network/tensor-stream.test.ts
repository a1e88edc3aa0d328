import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { jsonFrame, jsonPayload, payloadAsF32, tensorFrame } from '../../src/network/frame.ts'
import { dialTensors, serveTensors } from '../../src/network/tensor-server.ts'
import { Cleanup, closingOf, framesOf, startPair, startServer } from './links.ts'
import { startProxy } from './proxy.ts'

const cleanup = new Cleanup()
afterEach(() => cleanup.run())

const floats = (count: number) => Float32Array.from({ length: count }, (_, index) => index)
const tensor = (count: number, sequence = 0) => tensorFrame({ epoch: 1, request: 1, sequence }, floats(count))
const open = (value: unknown) => jsonFrame({ kind: 'open', epoch: 1, request: 1 }, value)
const code = (error: string) => expect.objectContaining({ code: error })

describe('a tensor link', () => {
  it('carries frames both ways, in order, from a few bytes to many megabytes', async () => {
    const { client, remote } = await startPair(cleanup)
    const sizes = [1, 2_000_000, 4, 100_000, 3]
    const down = framesOf(remote, sizes.length)
    const up = framesOf(client, 1)
    for (const [sequence, size] of sizes.entries()) client.send(tensor(size, sequence))
    remote.send(open({ hello: ['world'] }))
    const received = await down
    expect(received.map(frame => [frame.sequence, frame.shape])).toEqual(
      sizes.map((size, sequence) => [sequence, [size]]),
    )
    for (const frame of received) {
      const sent = floats(frame.shape[0] ?? 0)
      expect(Buffer.compare(Buffer.from(payloadAsF32(frame).buffer), Buffer.from(sent.buffer))).toBe(0)
    }
    expect((await up).map(jsonPayload)).toEqual([{ hello: ['world'] }])
  })

  it('keeps frames that come before anybody listens', async () => {
    const { client, remote } = await startPair(cleanup)
    const flushed = framesOf(remote, 1)
    remote.send(open('early'))
    client.send(open('bell'))
    await flushed
    expect((await framesOf(client, 1)).map(jsonPayload)).toEqual(['early'])
  })

  it('asks its sender to wait when too much is queued, and says when there is room again', async () => {
    const outboxLimits = { highWaterBytes: 100_000, maxBytes: 10_000_000 }
    const { client, remote } = await startPair(cleanup, { dial: { outboxLimits } })
    const arrived = framesOf(remote, 3)
    expect(client.send(tensor(10))).toBe(true)
    await client.drained()
    expect(client.send(tensor(100_000))).toBe(false)
    await client.drained()
    expect(client.send(tensor(10))).toBe(true)
    expect(await arrived).toHaveLength(3)
  })

  it('is closed when its sender does not wait, instead of taking all memory', async () => {
    const outboxLimits = { highWaterBytes: 100_000, maxBytes: 1_000_000 }
    const { client, remote } = await startPair(cleanup, { dial: { outboxLimits } })
    const closed = [closingOf(client), closingOf(remote)]
    for (let sequence = 0; sequence < 10; sequence += 1) client.send(tensor(50_000, sequence))
    const [mine, theirs] = await Promise.all(closed)
    expect(mine).toEqual(code('EXO_STREAM_CLOSED'))
    expect(mine?.message).toContain('bytes wait to be sent')
    expect(theirs).toEqual(code('EXO_STREAM_CLOSED'))
    await expect(client.drained()).rejects.toEqual(mine)
  })

  it('measures its round trip', async () => {
    const { server, nextLink } = await startServer(cleanup)
    const proxy = cleanup.add(await startProxy({ target: server.endpoint, delayMs: 15 }), ({ close }) =>
      close(),
    )
    const client = cleanup.add(await dialTensors({ endpoint: proxy.endpoint }), link => link.close())
    const remote = await nextLink()
    while (client.roundTripMs === undefined) {
      const answer = framesOf(client, 1)
      remote.send(open('tick'))
      await answer
    }
    expect(client.roundTripMs).toBeGreaterThanOrEqual(29)
  })

  it('refuses to send what is no frame, and stays open', async () => {
    const { client, remote } = await startPair(cleanup)
    expect(() => client.send({ ...tensor(3), shape: [4] })).toThrow(code('EXO_FRAME_INVALID'))
    const arrived = framesOf(remote, 1)
    client.send(tensor(1))
    expect(await arrived).toHaveLength(1)
  })
})

describe('the end of a tensor link', () => {
  it('is an orderly leave after everything sent has arrived, whichever side closes', async () => {
    for (const first of ['client', 'remote'] as const) {
      const pair = await startPair(cleanup)
      const [closer, other] = first === 'client' ? [pair.client, pair.remote] : [pair.remote, pair.client]
      const closed = [closingOf(closer), closingOf(other)]
      const arrived = framesOf(other, 2)
      closer.send(tensor(1_000_000))
      closer.send(tensor(5))
      closer.close()
      expect((await arrived).map(frame => frame.shape)).toEqual([[1_000_000], [5]])
      const [mine, theirs] = await Promise.all(closed)
      expect(mine).toBeUndefined()
      expect(theirs?.message).toContain('the neighbour closed the stream')
      expect(closer.send(tensor(1))).toBe(false)
      await expect(closer.drained()).rejects.toEqual(code('EXO_STREAM_CLOSED'))
    }
  })

  it('is seen by a listener that comes too late', async () => {
    const { client } = await startPair(cleanup)
    const first = closingOf(client)
    client.close()
    await first
    expect(await closingOf(client)).toBeUndefined()
  })

  it('is seen at both ends at once when the connection breaks', async () => {
    const { server, nextLink } = await startServer(cleanup)
    const proxy = cleanup.add(await startProxy({ target: server.endpoint }), ({ close }) => close())
    const client = await dialTensors({ endpoint: proxy.endpoint })
    const remote = await nextLink()
    const closed = [closingOf(client), closingOf(remote)]
    proxy.cut()
    expect(await Promise.all(closed)).toEqual([code('EXO_STREAM_CLOSED'), code('EXO_STREAM_CLOSED')])
  })

  it('comes for all links when their server closes, which frees its port', async () => {
    const { server, client } = await startPair(cleanup)
    const closed = closingOf(client)
    await server.close()
    expect(await closed).toEqual(code('EXO_STREAM_CLOSED'))
    const port = Number(server.endpoint.split(':')[1])
    const again = createServer().listen(port, '127.0.0.1')
    await once(again, 'listening')
    again.close()
  })

  it('comes when the other side sends what is no frame, and names the field at both ends', async () => {
    const { client, remote } = await startPair(cleanup, {
      serve: { frameLimits: { maxPayloadBytes: 100, maxJsonBytes: 10 } },
    })
    const closed = [closingOf(client), closingOf(remote)]
    client.send(open('eleven char'))
    for (const error of await Promise.all(closed)) {
      expect(error).toEqual(code('EXO_FRAME_INVALID'))
      expect(error?.message).toContain('payload is 13 bytes, expected at most 10 bytes in u8')
    }
  })

  it('comes with the fault of an owner that cannot handle a frame', async () => {
    const { client, remote } = await startPair(cleanup)
    const closed = closingOf(remote)
    remote.onFrame(() => {
      throw new Error('no idea what to do')
    })
    client.send(tensor(1))
    expect(await closed).toEqual(code('EXO_INTERNAL'))
  })

  it('comes when the neighbour is silent, although the connection is up', async () => {
    const clock = new VirtualClock()
    const { server, nextLink } = await startServer(cleanup)
    const proxy = cleanup.add(await startProxy({ target: server.endpoint }), ({ close }) => close())
    const client = await dialTensors({
      endpoint: proxy.endpoint,
      clock,
      heartbeat: { intervalMs: 50, deadlineMs: 250, misses: 2 },
    })
    await nextLink()
    proxy.stall()
    const closed = closingOf(client)
    await clock.advance(600)
    const error = await closed
    expect(error).toEqual(code('EXO_STREAM_CLOSED'))
    expect(error?.message).toMatch(/the neighbour was silent for 5\d\d ms/)
  })

  it('does not come while a neighbour answers, however long nothing else is said', async () => {
    const { client, remote } = await startPair(cleanup, {
      dial: { heartbeat: { intervalMs: 5, deadlineMs: 100, misses: 3 } },
      serve: { heartbeat: { intervalMs: 5, deadlineMs: 100, misses: 3 } },
    })
    let ended = false
    client.onClosed(() => {
      ended = true
    })
    const from = performance.now()
    while (performance.now() - from < 600) {
      const answer = framesOf(client, 1)
      remote.send(open('tick'))
      await answer
    }
    expect(ended).toBe(false)
  })

  it('does not come to a healthy link because the own loop was stuck for longer than the tolerance', async () => {
    const heartbeat = { intervalMs: 20, deadlineMs: 100, misses: 2 }
    const { client, remote } = await startPair(cleanup, { dial: { heartbeat }, serve: { heartbeat } })
    const closed = Promise.race([closingOf(client), closingOf(remote)])
    for (let round = 0; round < 3; round += 1) {
      const until = performance.now() + 400
      while (performance.now() < until);
      const answer = framesOf(client, 1)
      remote.send(open('tick'))
      expect(await Promise.race([answer, closed])).toEqual([expect.objectContaining({ kind: 'open' })])
    }
  })
})

describe('dialling', () => {
  it('fails with EXO_PEER_UNREACHABLE when nobody listens', async () => {
    const { server } = await startServer(cleanup)
    await server.close()
    await expect(dialTensors({ endpoint: server.endpoint })).rejects.toEqual(code('EXO_PEER_UNREACHABLE'))
  })

  it('fails with EXO_PEER_UNREACHABLE when nobody answers in time', async () => {
    const clock = new VirtualClock()
    const deaf = createServer(() => {}).listen(0, '127.0.0.1')
    await once(deaf, 'listening')
    cleanup.add(deaf, server => server.close())
    const { port } = deaf.address() as { port: number }
    const dialled = dialTensors({ endpoint: `127.0.0.1:${port}`, connectTimeoutMs: 700, clock })
    dialled.catch(() => {})
    await clock.advance(700)
    await expect(dialled).rejects.toThrow('no answer in 700 ms')
  })

  it('can be given up', async () => {
    const { server } = await startServer(cleanup)
    const controller = new AbortController()
    const dialled = dialTensors({ endpoint: server.endpoint, signal: controller.signal })
    controller.abort()
    await expect(dialled).rejects.toEqual(code('EXO_ABORTED'))
    await expect(dialTensors({ endpoint: server.endpoint, signal: AbortSignal.abort() })).rejects.toEqual(
      code('EXO_ABORTED'),
    )
  })

  it('is refused with EXO_PEER_REJECTED without the right key, and let in with it', async () => {
    const key = 'a secret of the cluster'
    const { server, nextLink } = await startServer(cleanup, { key })
    const { endpoint } = server
    await expect(dialTensors({ endpoint })).rejects.toEqual(code('EXO_PEER_REJECTED'))
    await expect(dialTensors({ endpoint, key: `${key}!` })).rejects.toEqual(code('EXO_PEER_REJECTED'))
    cleanup.add(await dialTensors({ endpoint, key }), link => link.close())
    await nextLink()
  })

  it('is refused when the server has as many links as it may', async () => {
    const { server } = await startPair(cleanup, { serve: { maxLinks: 1 } })
    await expect(dialTensors({ endpoint: server.endpoint })).rejects.toThrow(
      '1 links are open, which is the limit',
    )
  })

  it('refuses an endpoint that is none', async () => {
    await expect(dialTensors({ endpoint: 'localhost' })).rejects.toEqual(code('EXO_REQUEST_INVALID'))
  })
})

describe('serving', () => {
  it('beyond loopback is refused without a key', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.org'])
      await expect(serveTensors({ host, port: 0, onLink: () => {} })).rejects.toEqual(
        code('EXO_PUBLIC_BIND_REFUSED'),
      )
  })

  it('names the port that is in use and who asked for it', async () => {
    const { server } = await startServer(cleanup)
    const port = Number(server.endpoint.split(':')[1])
    const second = serveTensors({ host: '127.0.0.1', port, name: 'engine', onLink: () => {} })
    await expect(second).rejects.toThrow(`server engine: port ${port} on 127.0.0.1 is in use`)
    await expect(second).rejects.toEqual(code('EXO_PORT_IN_USE'))
  })

  it('says when an address is not of this machine', async () => {
    const elsewhere = serveTensors({ host: '192.0.2.77', port: 0, key: 'long enough', onLink: () => {} })
    await expect(elsewhere).rejects.toEqual(code('EXO_CONFIG_INVALID'))
  })
})
