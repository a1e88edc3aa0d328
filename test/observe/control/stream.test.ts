import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ExovisorError } from '../../../src/errors.ts'
import { askNode } from '../../../src/observe/control/ask-node.ts'
import { controlServer } from '../../../src/observe/control/control-server.ts'
import type { OpenStream, StreamLink } from '../../../src/observe/control/protocol.ts'
import { watchNode } from '../../../src/observe/control/watch-node.ts'
import { createResource } from '../../../src/resources/create.ts'

const path = () => join(mkdtempSync(join(tmpdir(), 'exovisor-stream-')), 'attic.sock')

/** A control socket with one stream, and what became of it. */
async function served() {
  const links: StreamLink[] = []
  const ends: string[] = []
  let drains = 0
  const open = (params: Readonly<Record<string, unknown>>, link: StreamLink): OpenStream => {
    if (params['refuse']) throw new ExovisorError('EXO_REQUEST_INVALID', 'not now')
    links.push(link)
    link.send({ hello: params['name'] })
    return {
      drained: () => {
        drains += 1
      },
      close: () => void ends.push('closed'),
    }
  }
  const socket = path()
  const input = {
    path: socket,
    handlers: { 'names.list': () => ['attic'] },
    streams: { 'names.watch': open },
  }
  const server = createResource(controlServer, { input })
  await server.initialize()
  return { server, socket, links, ends, drains: () => drains }
}

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise<void>(resolve => setImmediate(resolve))
}

describe('a stream over the control socket', () => {
  it('brings each message in order, until the command ends it', async () => {
    const { server, socket, links, ends } = await served()
    await using _ = server
    const stop = new AbortController()
    const seen: unknown[] = []
    const watching = watchNode({ directory: '', socket }, 'names.watch', {
      params: { name: 'attic' },
      signal: stop.signal,
      onMessage: message => void seen.push(message),
    })
    await until(() => seen.length === 1)
    for (let number = 0; number < 500; number += 1) links[0]?.send(number)
    await until(() => seen.length === 501)
    expect(seen).toEqual([{ hello: 'attic' }, ...Array(500).keys()])
    stop.abort()
    await watching
    await until(() => ends.length === 1)
  })

  it('fails with EXO_NODE_NOT_RUNNING when the node ends', async () => {
    const { server, socket, ends } = await served()
    const watching = watchNode({ directory: '', socket }, 'names.watch', {
      signal: new AbortController().signal,
      onMessage: () => void server.close(),
    })
    await expect(watching).rejects.toMatchObject({ code: 'EXO_NODE_NOT_RUNNING' })
    await until(() => ends.length === 1)
  })

  it('is refused with the error of the node, and then nothing is open', async () => {
    const { server, socket, links } = await served()
    await using _ = server
    const watching = watchNode({ directory: '', socket }, 'names.watch', {
      params: { refuse: true },
      signal: new AbortController().signal,
      onMessage: () => undefined,
    })
    await expect(watching).rejects.toMatchObject({ code: 'EXO_REQUEST_INVALID', message: 'not now' })
    expect(links).toEqual([])
  })

  it('leaves room for questions on the same connection, and for no second stream', async () => {
    const { server, socket, links } = await served()
    await using _ = server
    const client = connect(socket).setEncoding('utf8')
    let text = ''
    client.on('data', part => {
      text += part
    })
    const methods = ['names.watch', 'names.list', 'names.watch', 'names.drop']
    client.write(methods.map((method, id) => `${JSON.stringify({ id, method })}\n`).join(''))
    await until(() => text.split('\n').length === 5)
    const answers = text
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(answers.sort((a, b) => a.id - b.id)).toEqual([
      { id: 0, message: {} },
      { id: 1, result: ['attic'] },
      { id: 2, error: expect.objectContaining({ code: 'EXO_REQUEST_INVALID' }) },
      {
        id: 3,
        error: expect.objectContaining({ message: expect.stringContaining('names.list, names.watch') }),
      },
    ])
    expect(links).toHaveLength(1)
    client.destroy()
  })

  it('says when a command reads too slowly, and when it has read on', async () => {
    const { server, socket, links, drains } = await served()
    await using _ = server
    const client = connect(socket)
    client.write('{"id":1,"method":"names.watch"}\n')
    await once(client, 'data')
    client.pause()
    const text = 'x'.repeat(10_000)
    let sent = 0
    while (links[0]?.isFull === false) {
      links[0].send(text)
      sent += 1
      if (sent % 20 === 0) await new Promise<void>(resolve => setImmediate(resolve))
    }
    expect([links[0]?.isFull, drains()]).toEqual([true, 0])
    client.resume()
    await until(() => drains() > 0)
    expect(links[0]?.isFull).toBe(false)
    client.destroy()
  })

  it('is no method that can be asked, and a question is no stream', async () => {
    const { server, socket } = await served()
    await using _ = server
    const asked = watchNode({ directory: '', socket }, 'names.none', {
      signal: new AbortController().signal,
      onMessage: () => undefined,
    })
    await expect(asked).rejects.toMatchObject({ code: 'EXO_REQUEST_INVALID' })
    expect(await askNode({ directory: '', socket }, 'names.list')).toEqual(['attic'])
  })
})
