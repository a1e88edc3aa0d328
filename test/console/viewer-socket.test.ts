import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { ViewerSocket } from '../../src/console/viewer-socket.ts'
import { resourceCommands } from '../../src/observe/view/commands.ts'
import type { ViewMessage } from '../../src/observe/view/messages.ts'
import { viewed } from '../observe/view/viewing.ts'
import { kid } from '../supervision/tree.ts'

/** A websocket whose other end reads when the test says so. */
class FakeSocket extends EventEmitter {
  readonly OPEN = 1
  readyState = 1
  bufferedAmount = 0
  pings = 0
  readonly sent: ViewMessage[] = []
  #unread: { readonly bytes: number; readonly written: () => void }[] = []
  isReading = true

  send(text: string, written: () => void): void {
    this.sent.push(JSON.parse(text) as ViewMessage)
    this.#unread.push({ bytes: text.length, written })
    this.bufferedAmount += text.length
    if (this.isReading) this.read()
  }

  read(): void {
    for (const { bytes, written } of this.#unread.splice(0)) {
      this.bufferedAmount -= bytes
      written()
    }
  }

  ping(): void {
    this.pings += 1
  }

  close(): void {
    this.terminate()
  }

  terminate(): void {
    this.readyState = 3
    this.emit('close')
  }
}

async function connected() {
  const world = await viewed([kid('a').spec])
  const socket = new FakeSocket()
  const ports = {
    commands: resourceCommands(world.root, world.registry, { clock: world.clock }),
    hello: { node: { name: 'attic', id: 'n1', pid: 1, version: '0' }, startedAt: 0 },
  }
  const viewer = new ViewerSocket(socket as unknown as WebSocket, world.view, ports, world.clock)
  await world.flushed()
  return { ...world, socket, viewer }
}

describe('the socket of a viewer', () => {
  it('takes nothing more while a megabyte waits, and goes on by itself when that has been read', async () => {
    const { root, socket, viewer, flushed } = await connected()
    socket.isReading = false
    viewer.send({ type: 'answer', id: 1, result: 'x'.repeat(1_100_000) })
    const before = socket.sent.length
    root.suspend('a')
    await flushed()
    expect([viewer.isFull, socket.sent.length]).toEqual([true, before])
    socket.isReading = true
    socket.read()
    expect(viewer.isFull).toBe(false)
    expect(socket.sent.at(-1)).toMatchObject({
      type: 'changes',
      changed: [{ path: 'root/a', suspended: true }],
    })
    socket.terminate()
    await root.close()
  })

  it('is cut off when it sends commands and reads no answers', async () => {
    const { root, registry, socket, viewer } = await connected()
    socket.isReading = false
    for (let id = 0; id < 5; id += 1) viewer.send({ type: 'answer', id, result: 'x'.repeat(1_000_000) })
    expect(socket.readyState).toBe(3)
    expect(registry.isObserved).toBe(false)
    await root.close()
  })

  it('is cut off when it does not answer a ping until the next one', async () => {
    const { root, socket, viewer } = await connected()
    viewer.ping()
    socket.emit('pong')
    viewer.ping()
    expect([socket.pings, socket.readyState]).toEqual([2, 1])
    viewer.ping()
    expect([socket.pings, socket.readyState]).toEqual([2, 3])
    await root.close()
  })
})
