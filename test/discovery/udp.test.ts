import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { afterEach, describe, expect, it } from 'vitest'
import type { DiscoveryClient, DiscoveryEvent } from '../../src/discovery/discovery.ts'
import { networkPaths } from '../../src/discovery/network-paths.ts'
import { type UdpDiscoveryInput, udpDiscovery } from '../../src/discovery/udp.ts'
import { UdpSockets } from '../../src/discovery/udp-sockets.ts'
import { createResource } from '../../src/resources/create.ts'
import { Cleanup } from '../network/links.ts'

const cleanup = new Cleanup()
afterEach(() => cleanup.run())

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0)
  await once(socket, 'listening')
  const { port } = socket.address()
  await new Promise<void>(resolve => socket.close(resolve))
  return port
}

/** The next event that fits. */
function next(client: DiscoveryClient, fits: (event: DiscoveryEvent) => boolean): Promise<DiscoveryEvent> {
  return new Promise(resolve => {
    const stop: () => void = client.subscribe(event => {
      if (!fits(event)) return
      queueMicrotask(() => stop())
      resolve(event)
    })
  })
}

const start = (host: number, port: number, change: Partial<UdpDiscoveryInput> = {}) => {
  const input = {
    id: String(host).repeat(32),
    name: `node-${host}`,
    incarnation: 1,
    namespace: 'test',
    grpc: `127.0.0.1:${5_000 + host}`,
    port,
    ...change,
  }
  return cleanup.add(createResource(udpDiscovery, { input }), resource => resource.close())
}

describe('discovery over UDP', () => {
  it('lets two nodes on one machine find each other, tells of a restart, and of the end', async () => {
    const port = await freePort()
    const first = start(1, port)
    const client = await first.initialize()
    expect(first.snapshot().value).toEqual({ READY: 'quiet' })
    const second = start(2, port)
    const other = await second.initialize()
    const peer = {
      id: '2'.repeat(32),
      name: 'node-2',
      endpoint: '127.0.0.1:5002',
      incarnation: 1,
      source: 'udp',
    }
    expect(await next(client, () => true)).toEqual({ type: 'found', peer })
    expect(await next(other, () => true)).toMatchObject({
      type: 'found',
      peer: { endpoint: '127.0.0.1:5001' },
    })
    expect(first.snapshot().value).toEqual({ READY: 'tracking' })

    const restarted = start(2, port, { incarnation: 2, grpc: '127.0.0.1:6000' })
    await restarted.initialize()
    const later = { ...peer, incarnation: 2, endpoint: '127.0.0.1:6000' }
    expect(await next(client, ({ type }) => type === 'changed')).toEqual({ type: 'changed', peer: later })
    expect(client.peers()).toEqual([later])

    await restarted.close()
    expect(await next(client, ({ type }) => type === 'lost')).toMatchObject({ type: 'lost', id: peer.id })
    expect(first.snapshot().value).toEqual({ READY: 'quiet' })
  })

  it('does not mix two namespaces on one port', async () => {
    const port = await freePort()
    const [a, b, stranger] = await Promise.all([
      start(1, port).initialize(),
      start(2, port).initialize(),
      start(3, port, { namespace: 'other' }).initialize(),
    ])
    await Promise.all([next(a, () => true), next(b, () => true)])
    while (stranger.counters['foreign-namespace'] === 0 || a.counters['foreign-namespace'] === 0)
      await next(await start(4, port).initialize(), () => true)
    expect(stranger.peers()).toEqual([])
    expect(a.peers().map(({ name }) => name)).not.toContain('node-3')
  })

  it('does not hear what comes from elsewhere than the chosen interfaces', async () => {
    const port = await freePort()
    const heard: string[] = []
    const sockets = cleanup.add(
      new UdpSockets({
        port,
        onDatagram: (bytes, source) => heard.push(`${source} ${bytes}`),
        onTrouble: (_, error) => Promise.reject(error),
      }),
      open => open.close(),
    )
    const [path] = networkPaths(networkInterfaces(), 'loopback')
    if (!path) throw new Error('this machine has no loopback')
    await sockets.update([{ ...path, address: '127.0.0.1', prefix: 32 }])
    const foreign = cleanup.add(createSocket('udp4').bind(0, '127.0.0.9'), socket => socket.close())
    await once(foreign, 'listening')
    await new Promise(resolve => foreign.send('from afar', port, '127.0.0.1', resolve))
    await sockets.send(Buffer.from('from here'))
    while (heard.length === 0) await sockets.send(Buffer.from('from here'))
    expect(new Set(heard)).toEqual(new Set(['127.0.0.1 from here']))
  })

  it('does not start when another program holds the port for itself, and says so', async () => {
    const holder = cleanup.add(createSocket('udp4').bind(0, '0.0.0.0'), socket => socket.close())
    await once(holder, 'listening')
    const { port } = holder.address()
    const started = start(1, port).initialize()
    await expect(started).rejects.toThrow(`UDP port ${port} on 0.0.0.0 is in use`)
    await expect(started).rejects.toEqual(expect.objectContaining({ code: 'EXO_PORT_IN_USE' }))
  })

  it('works over link-local IPv6 where an interface has it', async ({ skip }) => {
    const paths = networkPaths(networkInterfaces(), 'all').filter(({ family }) => family === 6)
    if (paths.length === 0) skip()
    const port = await freePort()
    const heard: string[] = []
    const sockets = cleanup.add(
      new UdpSockets({
        port,
        onDatagram: (_, source) => heard.push(source),
        onTrouble: (_, error) => Promise.reject(error),
      }),
      open => open.close(),
    )
    await sockets.update(paths)
    while (heard.length === 0) await sockets.send(Buffer.from('hello'))
    expect(paths.map(({ address }) => address)).toContain(heard[0])
  })
})
