import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { createWebSocketReceiver } from '@statelyai/inspect'
import { createInspectorServer } from '@statelyai/inspect/server'
import { afterEach, describe, expect, it } from 'vitest'
import { type ClientOptions, WebSocket } from 'ws'
import { inspectWithStately, newToken } from '../../../src/observe/stately/inspect-with-stately.ts'
import { inspectorServer } from '../../../src/observe/stately/inspector-server.ts'
import { createResource } from '../../../src/resources/create.ts'
import { noisy, pictureOf, plantTree, type Told } from './tree.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function inspected(below?: number) {
  const root = await plantTree(below)
  ends.push(() => root.close())
  const inspection = await inspectWithStately(root)
  ends.push(() => inspection.close())
  return { root, inspection }
}

/** Collects what comes until it is enough. */
class Collected {
  readonly told: Told[] = []
  #check = () => {}

  readonly add = (message: unknown): void => {
    this.told.push(message as Told)
    this.#check()
  }

  until(isEnough: (told: readonly Told[]) => boolean): Promise<void> {
    return new Promise(resolve => {
      this.#check = () => {
        if (isEnough(this.told)) resolve()
      }
      this.#check()
    })
  }
}

const knows = (name: string, state: string) => (told: readonly Told[]) => {
  const isRegistered = told.some(message => message.name === name)
  return isRegistered && pictureOf(told).get(name) === state
}

function open(address: string, options: ClientOptions = {}): WebSocket {
  const socket = new WebSocket(address, options)
  ends.push(() => socket.terminate())
  socket.on('error', () => undefined)
  return socket
}

/** How an upgrade is answered: `open`, or the status of the refusal with its body. */
async function knock(address: string, options: ClientOptions = {}): Promise<readonly [unknown, string]> {
  const socket = open(address, options)
  return new Promise(resolve => {
    socket.once('open', () => resolve(['open', '']))
    socket.once('unexpected-response', (_, response) => {
      let body = ''
      response.on('data', data => {
        body += data
      })
      response.on('end', () => resolve([response.statusCode, body]))
    })
  })
}

describe('the inspector', () => {
  it('is understood by the receiver of @statelyai/inspect', async () => {
    const { root, inspection } = await inspected()
    const collected = new Collected()
    createWebSocketReceiver({ server: inspection.socket }).subscribe(collected.add)
    await collected.until(knows('kid2#1', 'READY'))
    await root.restart('one')
    await collected.until(knows('one#2', 'READY'))
    expect(knows('one#1', 'done')(collected.told)).toBe(true)
  })

  it('tells a receiver that comes after five hundred events of every living actor', async () => {
    const { root, inspection } = await inspected()
    const early = new Collected()
    createWebSocketReceiver({ server: inspection.socket }).subscribe(early.add)
    await early.until(knows('kid2#1', 'READY'))
    for (let round = 0; round < 100; round += 1) await root.restart('one')
    await early.until(told => told.length > 500)
    const late = new Collected()
    createWebSocketReceiver({ server: inspection.socket }).subscribe(late.add)
    await late.until(knows('kid2#1', 'READY'))
    expect([...pictureOf(late.told)]).toHaveLength(7)
    expect(late.told.every(({ type }) => type === '@xstate.actor')).toBe(true)
  })

  it('speaks what the relay of @statelyai/inspect passes on to its page', async () => {
    const { root, inspection } = await inspected()
    const port = await freePort()
    const relay = createInspectorServer({ port, autoOpen: false })
    ends.push(() => relay.stop())
    const page = new Collected()
    const source = open(`ws://localhost:${port}`)
    await once(source, 'open')
    const viewer = open(`ws://localhost:${port}`)
    viewer.on('message', data => page.add(JSON.parse(String(data))))
    await once(viewer, 'open')
    open(inspection.socket).on('message', data => source.send(String(data)))
    await page.until(knows('kid2#1', 'READY'))
    await root.restart('one')
    await page.until(knows('one#2', 'READY'))
  })

  it('observes the tree only while somebody is connected', async () => {
    const { inspection } = await inspected()
    expect(inspection.viewers).toBe(0)
    const viewer = open(inspection.socket)
    await once(viewer, 'message')
    expect(inspection.viewers).toBe(1)
    viewer.close()
    await once(viewer, 'close')
    await until(() => inspection.viewers === 0)
  })

  it('listens on loopback alone, by a path that nobody can guess', async () => {
    const { inspection } = await inspected()
    const { hostname, port, hash } = new URL(inspection.url)
    expect(hostname).toBe('127.0.0.1')
    expect(hash).toMatch(/^#token=[\w-]{43}$/)
    const token = hash.slice(7)
    expect(inspection.socket).toBe(`ws://127.0.0.1:${port}/${token}`)
    for (const path of [
      '',
      'x',
      token.slice(1),
      `${token}x`,
      `${token}/`,
      encodeURIComponent(`${token}\0`),
    ]) {
      const [status, body] = await knock(`ws://127.0.0.1:${port}/${path}`)
      expect([path, status]).toEqual([path, 401])
      expect(JSON.parse(body)).toMatchObject({ error: { code: 'EXO_UNAUTHORIZED' } })
    }
  })

  it.each([
    ['https://evil.example', 403],
    ['https://stately.ai.evil.example', 403],
    ['http://stately.ai', 403],
    ['https://localhost.evil.example', 403],
    ['null', 403],
    ['file://', 403],
    ['https://stately.ai', 'open'],
    ['https://editor.stately.ai', 'open'],
    ['http://localhost:8080', 'open'],
    ['http://127.0.0.1:3000', 'open'],
    ['http://[::1]:3000', 'open'],
  ])('answers a page of %s with %s', async (origin, expected) => {
    const { inspection } = await inspected(0)
    const [status] = await knock(inspection.socket, { origin })
    expect(status).toBe(expected)
    await until(() => inspection.viewers === (expected === 'open' ? 1 : 0))
  })

  it.each(['evil.example', 'localhost.evil.example', '127.0.0.1:1', 'localhost'])(
    'refuses a page that reached it by the name %j, for its files and its websocket',
    async host => {
      const { inspection } = await inspected(0)
      const { port } = new URL(inspection.url)
      expect(await get(port, '/', { host })).toMatchObject({ status: 403 })
      expect((await knock(inspection.socket, { headers: { host } }))[0]).toBe(403)
    },
  )

  it('closes on a viewer that talks, and takes no big message into memory', async () => {
    const { inspection } = await inspected(0)
    const talking = open(inspection.socket)
    await once(talking, 'open')
    talking.send('{"type":"@xstate.event"}')
    expect((await once(talking, 'close'))[0]).toBe(1008)
    const flooding = await rawViewer(inspection.socket)
    // The beginning of a message of 100 MB: the answer comes before the rest.
    flooding.write(Buffer.from([0x82, 0xff, 0, 0, 0, 0, 6, 0x40, 0, 0, 1, 2, 3, 4]))
    let answer = Buffer.alloc(0)
    for await (const data of flooding) answer = Buffer.concat([answer, data])
    expect(answer.subarray(-4)).toEqual(Buffer.from([0x88, 2, 1009 >> 8, 1009 & 255]))
    await until(() => inspection.viewers === 0)
  })

  it('has room for sixteen viewers and says so to the next', async () => {
    const { inspection } = await inspected(0)
    for (let viewer = 0; viewer < 16; viewer += 1) expect((await knock(inspection.socket))[0]).toBe('open')
    const [status, body] = await knock(inspection.socket)
    expect(status).toBe(503)
    expect(JSON.parse(body)).toMatchObject({ error: { code: 'EXO_REQUEST_INVALID' } })
  })

  it('holds a bounded amount for a viewer that stops reading, and goes on for the others', async () => {
    const { root, inspection } = await inspected(0)
    await root.start({ id: 'noise', resource: noisy, input: {} })
    const stuck = await rawViewer(inspection.socket)
    stuck.pause()
    await until(() => inspection.viewers === 1)
    const quick = new Collected()
    createWebSocketReceiver({ server: inspection.socket }).subscribe(quick.add)
    await quick.until(told => told.length > 0)
    const noise = root.ref(noisy, 'noise').client
    const text = 'x'.repeat(30_000)
    for (let round = 0; round < 1_500; round += 1) {
      noise?.make(text)
      await new Promise<void>(resolve => setImmediate(resolve))
    }
    await root.restart('one')
    await quick.until(knows('one#2', 'READY'))
    let bytes = 0
    let end = ''
    stuck.on('data', data => {
      bytes += data.length
      end = (end + data.toString('latin1')).slice(-100_000)
    })
    stuck.resume()
    await until(() => end.includes('"name":"one#2"'))
    expect(bytes).toBeLessThan((1_500 * text.length) / 2)
  })

  it('takes a free port when its own is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    ends.push(() => other.close())
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const resource = createResource(inspectorServer, {
      input: { port, token: newToken(), attach: () => () => undefined },
    })
    ends.push(() => resource.close())
    const { url, listening } = await resource.initialize()
    expect(listening).toBe(true)
    expect(new URL(url).port).not.toBe(String(port))
  })

  it('ends with the tree, and lets nobody hang', async () => {
    const { root, inspection } = await inspected(0)
    const viewer = open(inspection.socket)
    await once(viewer, 'message')
    await root.close()
    await once(viewer, 'close')
    await inspection.close()
  })

  it('serves a page that frames stately.ai, says so, and runs no script but its own', async () => {
    const { inspection } = await inspected(0)
    const { port } = new URL(inspection.url)
    const page = await get(port, '/')
    expect(page.status).toBe(200)
    expect(page.body).toContain('needs the internet')
    expect(page.body).not.toMatch(/<script>|style=|onload=/)
    expect(page.headers['content-security-policy']).toContain("script-src 'self'")
    expect(page.headers['referrer-policy']).toBe('no-referrer')
    expect(page.body).not.toContain(new URL(inspection.url).hash.slice(7))
    const script = await get(port, '/page.js')
    expect(script.headers['content-type']).toContain('javascript')
    expect(script.body).toContain('https://stately.ai/inspect')
    // The picture says once that it listens: loaded before the script does, it would not be heard.
    expect(page.body).not.toMatch(/<iframe[^>]* src=/)
    expect(script.body.indexOf('addEventListener')).toBeLessThan(script.body.indexOf('picture.src ='))
    expect((await get(port, '/page.css')).status).toBe(200)
    expect((await get(port, '/__proto__')).status).toBe(404)
    expect((await get(port, '/', {}, 'POST')).status).toBe(405)
  })
})

/** A viewer that speaks the protocol by hand, after its handshake. */
async function rawViewer(address: string): Promise<Socket> {
  const { port, pathname } = new URL(address)
  const socket = connect(Number(port), '127.0.0.1')
  ends.push(() => socket.destroy())
  socket.on('error', () => undefined)
  socket.write(
    `GET ${pathname} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n`,
  )
  await once(socket, 'data')
  return socket
}

interface Answer {
  readonly status: number | undefined
  readonly body: string
  readonly headers: Readonly<Record<string, unknown>>
}

function get(
  port: string,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', path, headers, method }, response => {
      let body = ''
      response.on('data', data => {
        body += data
      })
      response.on('end', () => resolve({ status: response.statusCode, body, headers: response.headers }))
    })
    asked.on('error', reject).end()
  })
}

/** Waits for a condition, a turn of the event loop at a time. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise<void>(resolve => setImmediate(resolve))
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0)
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
