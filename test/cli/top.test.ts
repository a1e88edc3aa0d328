import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { lifecycle } from '../../machines/lifecycle.ts'
import { topCommand } from '../../src/cli/top.ts'
import { realClock } from '../../src/concurrency/clock.ts'
import { controlServer } from '../../src/observe/control/control-server.ts'
import { resourceCommands } from '../../src/observe/view/commands.ts'
import { RuntimeView } from '../../src/observe/view/runtime-view.ts'
import { ViewerSession } from '../../src/observe/view/viewer-session.ts'
import { createResource } from '../../src/resources/create.ts'
import { defineResource } from '../../src/resources/define.ts'
import { silentLog } from '../../src/resources/log.ts'
import { Registry } from '../../src/resources/registry.ts'
import { EventStream } from '../../src/supervision/events/stream.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import { exovisor, killStarted } from './exovisor.ts'

const main = resolve(import.meta.dirname, '../../src/cli/main.ts')
const fixture = resolve(import.meta.dirname, '../fixtures/tiny-llama')

const terminals: ChildProcess[] = []

afterAll(() => {
  killStarted()
  for (const terminal of terminals) terminal.kill('SIGKILL')
})

const worker = defineResource({ kind: 'worker', machine: lifecycle, initialize: async () => ({}) })

/** A tree with a control socket that streams what is to be seen of it. */
async function watched(workers: number) {
  const registry = new Registry(silentLog)
  const events = new EventStream({ clock: realClock, log: silentLog })
  const children = Array.from({ length: workers }, (_, index) => ({
    id: `worker${index}`,
    resource: worker as never,
    input: {},
  }))
  const root = await supervise({ name: 'node', registry, events, children })
  const view = new RuntimeView({ root, registry, events, clock: realClock })
  const ports = {
    commands: resourceCommands(root, registry, { clock: realClock }),
    hello: { node: { name: 'attic', id: 'a1', pid: 1, version: '0.1.0' }, startedAt: Date.now() },
  }
  const path = join(mkdtempSync(join(tmpdir(), 'exovisor-top-')), 'attic.sock')
  const server = createResource(controlServer, {
    input: {
      path,
      handlers: {},
      streams: { 'view.watch': (_, link) => new ViewerSession(view, link, ports) },
    },
  })
  await server.initialize()
  return {
    root,
    path,
    async [Symbol.asyncDispose]() {
      await server.close()
      await root.close()
    },
  }
}

describe('exovisor top', () => {
  it('prints one picture of the whole tree where there is no terminal', async () => {
    await using node = await watched(700)
    const top = exovisor(['top', '--socket', node.path])
    expect((await top.ended).code).toBe(0)
    expect(top.lines[0]).toMatch(/^Exovisor 0\.1\.0 {3}node attic {3}up \d+ s {3}pid 1$/)
    expect(top.lines[1]).toBe('701 actors   701 READY')
    expect(top.lines[3]).toMatch(/^node +READY +0 +\d+ s +supervisor$/)
    expect(top.lines).toHaveLength(3 + 701)
    expect(top.lines.join('')).not.toMatch(/\p{Cc}/u)
  })

  // `script` of Linux gives it a terminal.
  describe.runIf(process.platform === 'linux')('in a terminal', () => {
    const LEFT = '\u001b[?25h\u001b[?1049l'

    function inTerminal(path: string) {
      const top = `stty cols 80 rows 20; exec '${process.execPath}' '${main}' top --socket '${path}' --interval 100ms`
      const child = spawn('script', ['-qec', top, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
      terminals.push(child)
      let shown = ''
      child.stdout.setEncoding('utf8').on('data', text => {
        shown += text
      })
      const ended = once(child, 'close').then(([code]) => code)
      const until = (text: string) => expect.poll(() => shown, { timeout: 20_000 }).toContain(text)
      return { child, ended, until, shown: () => shown }
    }

    it('follows the node and the keys, and leaves the screen as it was on Ctrl+C', async () => {
      await using node = await watched(30)
      const { child, ended, until, shown } = inTerminal(node.path)
      await until('1-16 of 31')
      expect(shown().startsWith('\u001b[?1049h')).toBe(true)
      node.root.ref('worker3').degrade(new Error('slow'))
      await until('DEGRADED')
      child.stdin.write('jj')
      await until('3-18 of 31')
      child.stdin.write('\u0003')
      expect(await ended).toBe(0)
      expect(shown().endsWith(LEFT)).toBe(true)
    })

    it('leaves the screen before it says that the node has ended', async () => {
      await using node = await watched(3)
      const { ended, until, shown } = inTerminal(node.path)
      await until('1-4 of 4')
      await node[Symbol.asyncDispose]()
      expect(await ended).toBe(1)
      const rest = shown().slice(shown().indexOf(LEFT))
      expect(rest).toContain('EXO_NODE_NOT_RUNNING')
      expect(shown().slice(0, -rest.length)).not.toContain('EXO_')
    })
  })

  it('shows a node with its model, its cluster, its figures and its resources', async () => {
    const runtime = mkdtempSync(join(tmpdir(), 'exovisor-top-'))
    const env = {
      XDG_RUNTIME_DIR: runtime,
      EXOVISOR_DISCOVERY__UDP__ENABLED: 'false',
      EXOVISOR_CONSOLE__PORT: '0',
    }
    const node = exovisor(['up', '--json', '--name', 'attic', '--model', fixture, '--port', '0'], env)
    await node.line(value => value['type'] === 'ready')
    const top = exovisor(['top', '--once'], env)
    expect((await top.ended).code).toBe(0)
    const text = top.lines.join('\n')
    expect(text).toMatch(/^Exovisor \S+ {3}node attic {3}model tiny-llama {3}up /)
    expect(text).toMatch(/\d tokens\/s .* restarts .* MiB in 1$/m)
    expect(text).toMatch(/^nodes {3}attic here$/m)
    expect(text).toMatch(/^layers {2}attic 0-\d/m)
    expect(text).toMatch(/^ {2}inference +READY .* inference$/m)
    node.child.kill('SIGTERM')
    expect((await node.ended).code).toBe(0)
  })

  it('says when there is no node', async () => {
    const runtime = mkdtempSync(join(tmpdir(), 'exovisor-top-'))
    const none = exovisor(['top', '--once'], { XDG_RUNTIME_DIR: runtime })
    expect((await none.ended).code).toBe(1)
    expect(none.stderr()).toContain('EXO_NODE_NOT_RUNNING')
  })

  it.each(['0', '10ms', '2h', 'often', '-1s'])('refuses the interval %s', async interval => {
    const asked = topCommand().parseAsync([`--interval=${interval}`], { from: 'user' })
    await expect(asked).rejects.toMatchObject({
      code: 'EXO_USAGE',
      message: expect.stringContaining('expected a time from 100ms to 1h'),
    })
  })
})
