import { Server } from '@grpc/grpc-js'
import { afterEach, describe, expect, it } from 'vitest'
import { ServerConnections, shutDown } from '../../src/network/connections.ts'
import { tensorFrame } from '../../src/network/frame.ts'
import { dialTensors } from '../../src/network/tensor-server.ts'
import { Cleanup, framesOf, startServer } from './links.ts'
import { startProxy } from './proxy.ts'

const cleanup = new Cleanup()
afterEach(() => cleanup.run())

// Over a slow way the own heartbeat is not what is measured.
const heartbeat = { intervalMs: 1_000, deadlineMs: 10_000, misses: 3 }

/** A function that measures how long 4 MB take from the dialler to the server, 10 ms away, until it has answered. */
async function pushOver(windowBytes: number | undefined): Promise<() => Promise<number>> {
  const { server, nextLink } = await startServer(cleanup, {
    heartbeat,
    ...(windowBytes !== undefined && { windowBytes }),
  })
  const proxy = cleanup.add(await startProxy({ target: server.endpoint, delayMs: 10 }), ({ close }) =>
    close(),
  )
  const link = cleanup.add(await dialTensors({ endpoint: proxy.endpoint, heartbeat }), open => open.close())
  const remote = await nextLink()
  const data = new Float32Array(1 << 20)
  return async () => {
    const arrived = framesOf(remote, 1).then(() =>
      remote.send(tensorFrame({ epoch: 1, request: 1 }, Int32Array.of(1))),
    )
    const answered = framesOf(link, 1)
    const from = performance.now()
    link.send(tensorFrame({ epoch: 1, request: 1 }, data))
    await Promise.all([arrived, answered])
    return performance.now() - from
  }
}

describe('the receive window of a tensor server', () => {
  it('can be reached in the private parts of this grpc-js', async () => {
    const { server } = await startServer(cleanup)
    expect(server.windowWidened).toBe(true)
  })

  it('stays as it is, without harm, when those parts are not there', async () => {
    for (const parts of [undefined, new Map([['not a server', 1]])]) {
      const server = new Server()
      Reflect.set(server, 'http2Servers', parts)
      const connections = new ServerConnections(server)
      expect(connections.watched).toBe(false)
      Reflect.set(server, 'http2Servers', new Map())
      await shutDown(server, connections, AbortSignal.abort())
    }
  })

  it('lets 4 MB over a way of 20 ms there and back pass in less than a fifth of the time', async () => {
    const narrow = await pushOver(0)
    const wide = await pushOver(undefined)
    // The first frame also pays for cold code.
    await wide()
    const times = { wide: await wide(), narrow: await narrow() }
    expect(
      times.wide,
      `4 MB: ${times.narrow.toFixed(0)} ms by default, ${times.wide.toFixed(0)} ms widened`,
    ).toBeLessThan(times.narrow / 5)
  })
})
