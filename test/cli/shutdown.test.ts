import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, describe, expect, it } from 'vitest'
import { deferred } from '../../src/concurrency/deferred.ts'
import { alive, exovisor, killProcess, killStarted, type Running } from './exovisor.ts'

const fixture = resolve(import.meta.dirname, '../fixtures/tiny-llama')
const main = resolve(import.meta.dirname, '../../src/cli/main.ts')
const STREAMS = 10

const runtime = mkdtempSync(join(tmpdir(), 'exovisor-shutdown-'))
const quiet = {
  XDG_RUNTIME_DIR: runtime,
  EXOVISOR_DISCOVERY__UDP__ENABLED: 'false',
  EXOVISOR_ENGINE__SLOTS: String(STREAMS),
}

afterAll(killStarted)

interface UpNode {
  readonly node: Running
  readonly api: string
  readonly enginePid: number
}

async function up(env: Readonly<Record<string, string>> = {}): Promise<UpNode> {
  const node = exovisor(['up', '--json', '--model', fixture, '--port', '0'], { ...quiet, ...env })
  const { api } = (await node.line(value => value['type'] === 'ready')) as { api: string }
  return { node, api, enginePid: enginePid(node.lines) }
}

function enginePid(lines: readonly string[]): number {
  const stages = lines.flatMap(
    line => (JSON.parse(line) as { stages?: { enginePid: number }[] }).stages ?? [],
  )
  const pid = stages[0]?.enginePid
  if (pid === undefined) throw new Error('no engine was placed')
  return pid
}

/** A streamed answer: `begun` once its first bytes are here, `text` when it has ended in whatever way. */
function stream(api: string, maxTokens: number): { begun: Promise<void>; text: Promise<string> } {
  let began = () => {}
  const begun = new Promise<void>(resolve => {
    began = resolve
  })
  const read = async () => {
    const answer = await fetch(`${api}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'tiny-llama',
        prompt: 'x',
        max_tokens: maxTokens,
        temperature: 0,
        stream: true,
      }),
    })
    let text = ''
    for await (const part of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += part
      began()
    }
    return text
  }
  return { begun, text: read().catch(error => `broken: ${error}`) }
}

async function streams(api: string, maxTokens: number): Promise<readonly Promise<string>[]> {
  const all = Array.from({ length: STREAMS }, () => stream(api, maxTokens))
  await Promise.all(all.map(({ begun }) => begun))
  return all.map(({ text }) => text)
}

/** A request that is being answered for as long as its connection stands: the rest of its body never comes. */
async function requestWithoutEnd(api: string): Promise<Socket> {
  const { hostname, port } = new URL(api)
  const socket = connect(Number(port), hostname).on('error', () => undefined)
  await once(socket, 'connect')
  socket.write(
    `POST /v1/completions HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
  )
  // The one that asks is counted too.
  await expect
    .poll(async () => (await (await fetch(`${api}/metrics`)).text()).match(/requests_running (\d+)/)?.[1], {
      timeout: 5_000,
    })
    .toBe('2')
  return socket
}

const phases = ({ lines }: Running) =>
  lines
    .map(line => JSON.parse(line) as { type?: string; phase?: string; outcome?: string })
    .filter(({ type }) => type === 'shutdown')
    .map(({ phase, outcome }) => [phase, outcome])

function leftBehind({ enginePid }: UpNode): unknown {
  return {
    engine: alive(enginePid),
    sockets: readdirSync(runtime, { recursive: true }).filter(name => String(name).endsWith('.sock')),
  }
}

const nothing = { engine: false, sockets: [] }

describe('a node that is told to stop while ten answers run', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'finishes them all after %s, says each phase, and ends with 0',
    async signal => {
      const running = await up({ EXOVISOR_SHUTDOWN__DRAIN: '30s' })
      const texts = await streams(running.api, 120)
      running.node.child.kill(signal)
      for (const text of texts) expect(await text).toContain('data: [DONE]')
      expect(await running.node.ended).toEqual({ code: 0, signal: null })
      expect(phases(running.node).map(([phase]) => phase)).toEqual(
        expect.arrayContaining([
          'withdraw',
          'admit',
          'drain',
          'api',
          'peers',
          'engines',
          'server',
          'supervisor',
          'flush',
        ]),
      )
      expect(phases(running.node).filter(([, outcome]) => outcome !== 'done')).toEqual([])
      expect(leftBehind(running)).toEqual(nothing)
    },
  )

  it('takes no further request meanwhile', async () => {
    const running = await up({ EXOVISOR_SHUTDOWN__DRAIN: '30s' })
    const texts = await streams(running.api, 200)
    running.node.child.kill('SIGTERM')
    await expect
      .poll(async () => (await fetch(`${running.api}/v1/models`).catch(() => ({ status: 503 }))).status, {
        timeout: 10_000,
      })
      .toBe(503)
    expect((await Promise.all(texts)).every(text => text.includes('[DONE]'))).toBe(true)
    expect((await running.node.ended).code).toBe(0)
  })

  it('cuts off with an error what is not done by the drain time, and ends with 3', async () => {
    const running = await up({ EXOVISOR_SHUTDOWN__DRAIN: '1ms' })
    const texts = await streams(running.api, 250)
    running.node.child.kill('SIGINT')
    const all = await Promise.all(texts)
    for (const text of all) expect(text).toMatch(/\[DONE\]|shut down/)
    expect(all.some(text => text.includes('EXO_RESOURCE_CLOSED'))).toBe(true)
    expect((await running.node.ended).code).toBe(3)
    expect(phases(running.node)).toContainEqual(['drain', 'late'])
    expect(phases(running.node)).toContainEqual(['engines', 'done'])
    expect(leftBehind(running)).toEqual(nothing)
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends at once on a second %s, with %i and no engine left', async (signal, code) => {
    const running = await up({ EXOVISOR_SHUTDOWN__DRAIN: '10m' })
    const unfinished = await requestWithoutEnd(running.api)
    const texts = await streams(running.api, 60)
    running.node.child.kill(signal)
    // All but the one request whose body never comes are answered; a stop that waits for it is what a person forces.
    for (const text of texts) expect(await text).toContain('[DONE]')
    const again = setInterval(() => running.node.child.kill(signal), 100)
    const { code: ended } = await running.node.ended
    clearInterval(again)
    unfinished.destroy()
    expect(ended).toBe(code)
    await expect.poll(() => leftBehind(running), { timeout: 10_000 }).toEqual(nothing)
  })

  it('ends in order when the process that started it is killed', async () => {
    const script = `
      import { fork } from 'node:child_process'
      const node = fork(${JSON.stringify(main)}, ['up', '--json', '--model', ${JSON.stringify(fixture)}, '--port', '0'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [] })
      console.log(JSON.stringify({ type: 'parent', node: node.pid }))
      setInterval(() => {}, 1000)`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', ...quiet, EXOVISOR_SHUTDOWN__DRAIN: '30s' },
    })
    const lines: string[] = []
    const ready = deferred<{ api: string }>()
    createInterface({ input: parent.stdout }).on('line', line => {
      lines.push(line)
      const value = JSON.parse(line) as { type?: string; api?: string }
      if (value.type === 'ready') ready.resolve(value as { api: string })
    })
    const { api } = await ready.promise
    const node = (JSON.parse(lines[0] ?? '') as { node: number }).node
    const engine = enginePid(lines)
    const texts = await streams(api, 60)
    killProcess(parent.pid)
    await once(parent, 'exit')
    for (const text of texts) expect(await text).toContain('data: [DONE]')
    await expect.poll(() => [alive(node), alive(engine)], { timeout: 20_000 }).toEqual([false, false])
  })
})
