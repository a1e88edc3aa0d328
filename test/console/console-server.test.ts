import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect as connectSocket, createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { consoleServer } from '../../src/console/console-server.ts'
import type { RuntimeView } from '../../src/observe/view/runtime-view.ts'
import { createResource } from '../../src/resources/create.ts'
import { childSpec } from '../../src/supervision/child-spec.ts'
import { scripted } from '../resources/scripted.ts'
import { refusedWith, runningConsole, TOKEN } from './running-console.ts'

const bearer = { authorization: `Bearer ${TOKEN}` }
const child = (id: string) => childSpec({ id, resource: scripted().definition, input: {} })

/** A request with whatever headers: fetch sets Host and Origin itself. */
function status(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
  method = 'GET',
): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ host: '127.0.0.1', port, path, method, headers }, response => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    sent.on('error', reject).end()
  })
}

describe('the console', () => {
  it('shows a viewer the tree, and carries out its commands', async () => {
    await using console = await runningConsole({ children: [child('a')] })
    const viewer = await console.viewer()
    await viewer.message(message => message.type === 'rows' && message.last)
    expect(viewer.messages[0]?.type).toBe('hello')
    expect(viewer.socket.protocol).toBe('exovisor.v1')
    viewer.send({ type: 'command', id: 1, command: 'restart', path: 'root/a' })
    expect(await viewer.message(({ type }) => type === 'answer')).toMatchObject({
      result: { path: 'root/a', state: 'READY', incarnation: 2 },
    })
    await viewer.message(
      message =>
        message.type === 'changes' &&
        message.changed.some(({ path, incarnation }) => path === 'root/a' && incarnation === 2),
    )
    viewer.socket.close()
  })

  it('leaves nothing behind when the last viewer has gone', async () => {
    await using console = await runningConsole({ children: [child('a')] })
    console.view.journal.close()
    const viewer = await console.viewer()
    viewer.send({ type: 'watch', paths: ['root/a'] })
    await viewer.message(({ type }) => type === 'detail')
    expect(console.registry.isObserved).toBe(true)
    viewer.socket.close()
    await expect.poll(() => console.ref.client?.viewers).toBe(0)
    expect(console.registry.isObserved).toBe(false)
  })

  it('serves the page to everybody on this machine, and nothing beside its files', async () => {
    await using console = await runningConsole()
    const page = await fetch(console.url)
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('<title>page</title>')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'")
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(page.headers.get('x-content-type-options')).toBe('nosniff')
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect((await fetch(`${console.url}/main.js`)).headers.get('content-type')).toContain('text/javascript')
    for (const path of [
      '/../package.json',
      '/%2e%2e/package.json',
      '/..%2fpackage.json',
      '/nothing',
      '//etc/passwd',
    ])
      expect(await status(console.port, path, { host: `127.0.0.1:${console.port}` })).toBe(404)
    expect(await status(console.port, '/', { host: `127.0.0.1:${console.port}` }, 'DELETE')).toBe(405)
  })

  it('takes a free port when its own is taken', async () => {
    const other = createServer()
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const input = { port, token: TOKEN, view: {} as RuntimeView, ports: {} as never, model: {} as never }
    await using resource = createResource(consoleServer, { input })
    const client = await resource.initialize()
    expect(client.port).not.toBe(port)
    expect(client.url).toBe(`http://127.0.0.1:${client.port}/#token=${TOKEN}`)
    other.close()
  })
})

describe('the console refuses', () => {
  it('requests that name another host, by which a foreign page may have come here', async () => {
    await using console = await runningConsole()
    for (const host of ['evil.example', `evil.example:${console.port}`, '127.0.0.1:1', 'localhost']) {
      expect(await status(console.port, '/', { host })).toBe(403)
      expect(await status(console.port, '/journal', { ...bearer, host })).toBe(403)
      expect(await refusedWith(console.connect(undefined, { host }))).toBe(403)
    }
    expect(await status(console.port, '/', { host: `localhost:${console.port}` })).toBe(200)
  })

  it('pages of another origin, also of this machine', async () => {
    await using console = await runningConsole()
    const host = `127.0.0.1:${console.port}`
    for (const origin of ['https://evil.example', 'http://127.0.0.1:1', `https://${host}`, 'null']) {
      expect(await status(console.port, '/journal', { ...bearer, host, origin })).toBe(403)
      expect(await status(console.port, '/chat', { ...bearer, host, origin }, 'POST')).toBe(403)
      expect(await refusedWith(console.connect(undefined, { origin }))).toBe(403)
    }
    const own = console.connect(undefined, { origin: `http://${host}` })
    await once(own, 'open')
    own.close()
  })

  it('a stream, a chat and a journal without the token', async () => {
    await using console = await runningConsole()
    const { host } = new URL(console.url)
    const protocols = [
      ['exovisor.v1'],
      ['exovisor.v1', 'token.'],
      ['exovisor.v1', `token.${TOKEN}x`],
      ['exovisor.v1', `token.${TOKEN.slice(1)}`],
      [`token.${TOKEN}`],
    ]
    for (const each of protocols) expect(await refusedWith(console.connect(each))).toBe(401)
    expect(await refusedWith(console.connect(['exovisor.v1'], {}, `/stream?token=${TOKEN}`))).toBe(401)
    for (const authorization of ['', 'Bearer', 'Bearer wrong', `Basic ${TOKEN}`, `Bearer ${TOKEN} x`]) {
      expect(await status(console.port, '/journal', { host, authorization })).toBe(401)
      expect(await status(console.port, '/chat', { host, authorization }, 'POST')).toBe(401)
    }
  })

  it('a stream at another path, and a viewer too many', async () => {
    await using console = await runningConsole()
    expect(await refusedWith(console.connect(undefined, {}, '/other'))).toBe(404)
    const viewers = await Promise.all(Array.from({ length: 16 }, () => console.viewer()))
    expect(await refusedWith(console.connect())).toBe(503)
    for (const { socket } of viewers) socket.terminate()
  })

  it('a message of 100 MB by its announced length, before it has come', async () => {
    await using console = await runningConsole()
    const { socket } = await console.viewer()
    const raw = (socket as unknown as { _socket: { write(data: Buffer): void } })._socket
    // The head of a masked text frame of 100 MB; of the rest nothing is ever sent.
    const head = Buffer.alloc(14)
    head[0] = 0x81
    head[1] = 0xff
    head.writeBigUInt64BE(100n * 1_048_576n, 2)
    const before = process.memoryUsage().arrayBuffers
    raw.write(head)
    const [code] = (await once(socket, 'close')) as [number]
    expect(code).toBe(1009)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000)
  })

  it.each([
    ['binary messages', 1003, Buffer.from([1, 2, 3])],
    ['a message of more than 64 KiB', 1009, 'x'.repeat(65_537)],
  ])('%s', async (_, expected, data) => {
    await using console = await runningConsole()
    const { socket } = await console.viewer()
    socket.send(data)
    const [code] = (await once(socket, 'close')) as [number]
    expect(code).toBe(expected)
  })

  it('what is no message of a viewer, and changes nothing', async () => {
    await using console = await runningConsole({ children: [child('a')] })
    const viewer = await console.viewer()
    const texts = ['{', '[]', '{"type":"command","id":5,"command":"kill","path":"root/a"}']
    for (const text of texts) viewer.socket.send(text)
    viewer.send({ type: 'command', id: 6, command: 'reset', path: 'root/b' })
    await viewer.message(message => message.type === 'answer' && message.id === 6)
    const answers = viewer.messages.flatMap(message => (message.type === 'answer' ? [message] : []))
    expect(answers.map(({ id, error }) => [id, error?.code])).toEqual([
      [0, 'EXO_REQUEST_INVALID'],
      [0, 'EXO_REQUEST_INVALID'],
      [5, 'EXO_REQUEST_INVALID'],
      [6, 'EXO_CHILD_UNKNOWN'],
    ])
    expect(answers[3]?.error?.message).toContain('did you mean "root/a"?')
    expect(console.registry.get('root/a')).toMatchObject({ state: 'READY', incarnation: 1 })
    viewer.socket.close()
  })

  it('a flood of messages', async () => {
    await using console = await runningConsole()
    const viewer = await console.viewer()
    for (let count = 0; count < 200; count += 1) viewer.send({ type: 'watch', paths: [] })
    const [code] = (await once(viewer.socket, 'close')) as [number]
    expect(code).toBe(1008)
  })
})

/** What waits to be written to the viewers of a server in this process, in bytes. */
function waitingBytes(port: number): () => number {
  const handles = (process as unknown as { _getActiveHandles(): object[] })._getActiveHandles()
  const sockets = handles.filter(
    (handle): handle is { writableLength: number } =>
      (handle as { localPort?: number }).localPort === port && 'writableLength' in handle,
  )
  return () => sockets.reduce((sum, { writableLength }) => sum + writableLength, 0)
}

describe('a viewer of the console that stops reading', () => {
  it('costs bounded memory, and is told the newest state when it reads again', async () => {
    const children = Array.from({ length: 1_000 }, (_, index) => child(`a resource of a long name ${index}`))
    await using console = await runningConsole({ children })
    const viewer = await console.viewer()
    await viewer.message(message => message.type === 'rows' && message.last)
    viewer.socket.pause()
    const waiting = waitingBytes(console.port)
    const seen: number[] = []
    for (let round = 0; round < 40; round += 1) {
      for (const { id } of children) {
        if (round % 2 === 0) console.root.suspend(id)
        else console.root.resume(id)
      }
      await rowsWritten(console.view)
      seen.push(waiting())
    }
    // What is full, and one message more. The rest of some 20 MB was never made.
    expect(Math.max(...seen)).toBeGreaterThan(1_000_000)
    expect(Math.max(...seen)).toBeLessThan(2_000_000)
    const last = children.at(-1)?.id ?? ''
    console.root.ref(last).degrade('slow')
    await rowsWritten(console.view)
    viewer.socket.resume()
    // Nothing changes any more: it is told because it reads again.
    await viewer.message(
      message =>
        message.type === 'changes' &&
        message.changed.some(({ name, state }) => name === last && state === 'DEGRADED'),
    )
    viewer.socket.close()
  })
})

/** Resolves when a change of rows has been told and written down. */
function rowsWritten({ journal, feed }: RuntimeView): Promise<void> {
  return new Promise(resolve => {
    const leave = feed.subscribe(() => {
      leave()
      expect(journal.sequence).toBeGreaterThan(0)
      resolve()
    })
  })
}

describe('the journal of the console', () => {
  it('is a file that can be read again', async () => {
    const { parseJournalFile } = await import('../../src/observe/view/journal-file.ts')
    await using console = await runningConsole({ children: [child('a')] })
    await console.root.restart('a')
    const answer = await fetch(`${console.url}/journal`, { headers: bearer })
    expect(answer.headers.get('content-disposition')).toMatch(
      /^attachment; filename="exovisor-attic-.+\.jsonl"$/,
    )
    const { header, lines } = parseJournalFile(await answer.text())
    expect(header.node).toBe('attic')
    expect(lines.some(({ event }) => event.type === 'ready')).toBe(true)
  })
})

describe('the chat of the console', () => {
  const ask = (url: string, body: unknown, signal?: AbortSignal) =>
    fetch(`${url}/chat`, {
      method: 'POST',
      headers: bearer,
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...(signal && { signal }),
    })
  const messages = [{ role: 'user', content: 'hello' }]

  it('streams the events of a generation, one JSON line each', async () => {
    const asked: unknown[] = []
    await using console = await runningConsole({
      async *generate({ signal: _, ...request }) {
        asked.push(request)
        yield { type: 'placement', epoch: 1, stages: [] }
        yield { type: 'token', position: 3, id: 7, text: 'he\nllo' }
      },
    })
    const answer = await ask(console.url, { messages, maxTokens: 5, sampling: { temperature: 0 } })
    expect(answer.headers.get('content-type')).toContain('application/x-ndjson')
    const lines = (await answer.text()).trimEnd().split('\n')
    expect(lines.map(line => JSON.parse(line) as unknown)).toEqual([
      { type: 'placement', epoch: 1, stages: [] },
      { type: 'token', position: 3, id: 7, text: 'he\nllo' },
    ])
    expect(asked).toEqual([{ prompt: { messages }, maxTokens: 5, sampling: { temperature: 0 } }])
  })

  it('gives the text to a model without a chat template', async () => {
    const asked: unknown[] = []
    await using console = await runningConsole({
      chat: false,
      async *generate({ prompt }) {
        asked.push(prompt)
        yield* []
      },
    })
    await (await ask(console.url, { messages })).text()
    expect(asked).toEqual(['hello'])
  })

  it('tells a failure as the last line', async () => {
    await using console = await runningConsole({
      async *generate() {
        yield* []
        throw new Error('no engine')
      },
    })
    const answer = await ask(console.url, { messages })
    expect(JSON.parse(await answer.text())).toEqual({
      type: 'error',
      error: { code: 'EXO_INTERNAL', message: 'no engine' },
    })
  })

  it('stops the generation when the reader leaves', async () => {
    let stopped: (reason: unknown) => void = () => undefined
    const end = new Promise<unknown>(resolve => {
      stopped = resolve
    })
    await using console = await runningConsole({
      async *generate({ signal }) {
        yield { type: 'token', position: 0, id: 1, text: 'a' }
        await new Promise<void>(resolve => signal?.addEventListener('abort', () => resolve()))
        stopped(signal?.reason)
      },
    })
    const leave = new AbortController()
    const answer = await ask(console.url, { messages }, leave.signal)
    await answer.body?.getReader().read()
    leave.abort()
    expect(await end).toMatchObject({ code: 'EXO_ABORTED' })
  })

  it.each([
    ['no JSON', '{'],
    ['no messages', {}],
    ['an unknown field', { messages, model: 'x' }],
    ['an unknown role', { messages: [{ role: 'god', content: 'x' }] }],
    ['a body that is too long', { messages: [{ role: 'user', content: 'x'.repeat(1_100_000) }] }],
  ])('refuses %s', async (_, body) => {
    await using console = await runningConsole()
    const answer = await ask(console.url, body)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: { code: 'EXO_REQUEST_INVALID' } })
  })

  it('is not reached by a request that breaks off', async () => {
    let asked = 0
    await using console = await runningConsole({
      async *generate() {
        asked += 1
        yield* []
      },
    })
    const socket = connectSocket(console.port, '127.0.0.1')
    const { host } = new URL(console.url)
    socket.write(
      `POST /chat HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${TOKEN}\r\ncontent-length: 100\r\n\r\n{"messages":`,
    )
    await expect.poll(() => console.ref.snapshot().value).toEqual({ READY: 'serving' })
    socket.destroy()
    await expect.poll(() => console.ref.snapshot().value).toEqual({ READY: 'listening' })
    expect(asked).toBe(0)
  })
})
