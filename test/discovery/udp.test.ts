import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { setImmediate as turn } from 'node:timers/promises'
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

/** Bare sockets, with what they hear and what goes wrong. */
function open(port: number) {
  const heard: string[] = []
  const trouble: unknown[] = []
  const sockets = new UdpSockets({
    port,
    onDatagram: (bytes, source) => heard.push(`${source} ${bytes}`),
    onTrouble: (what, error) => trouble.push(what, error),
  })
  cleanup.add(sockets, opened => opened.close())
  return { sockets, heard, trouble }
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
    const other = { namespace: 'other' }
    const nodes = [start(1, port), start(2, port), start(3, port, other), start(4, port, other)]
    const clients = await Promise.all(nodes.map(node => node.initialize()))
    await Promise.all(clients.map(client => next(client, () => true)))
    expect(clients.map(client => client.peers().map(({ name }) => name))).toEqual([
      ['node-2'],
      ['node-1'],
      ['node-4'],
      ['node-3'],
    ])
  })

  it('does not hear what comes from elsewhere than the chosen interfaces', async () => {
    const port = await freePort()
    const { sockets, heard } = open(port)
    const [path] = networkPaths(networkInterfaces(), 'loopback')
    if (!path) throw new Error('this machine has no loopback')
    await sockets.update([{ ...path, address: '127.0.0.1', prefix: 32 }])
    const foreign = cleanup.add(createSocket('udp4').bind(0, '127.0.0.9'), socket => socket.close())
    await once(foreign, 'listening')
    await new Promise(resolve => foreign.send('from afar', port, '127.0.0.1', resolve))
    await sockets.send(Buffer.from('from here'))
    while (heard.length === 0) {
      await sockets.send(Buffer.from('from here'))
      await turn()
    }
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

  it('works over link-local IPv6 on each interface that has it', async () => {
    const port = await freePort()
    for (const path of networkPaths(networkInterfaces(), 'all').filter(({ family }) => family === 6)) {
      const { sockets, heard, trouble } = open(port)
      await sockets.update([path])
      while (heard.length === 0 && trouble.length === 0) {
        await sockets.send(Buffer.from('hello'))
        await turn()
      }
      expect({ heard: heard[0], trouble }).toEqual({ heard: `${path.address} hello`, trouble: [] })
      sockets.close()
    }
  })
})
