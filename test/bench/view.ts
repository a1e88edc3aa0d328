/**
 * What a viewer costs a tree of 10,000 actors while it connects, while it is told of changes, and while it watches an actor: the delay of the
 * event loop, and how long the view keeps the loop to itself at a time. That is CPU time, so that other programs do not count. The viewer is a
 * process of its own, as a browser is. Run with `npm run bench:view`.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { lifecycle } from '../../machines/lifecycle.ts'
import { type Clock, realClock } from '../../src/concurrency/clock.ts'
import { consoleServer } from '../../src/console/console-server.ts'
import { watchEventLoop } from '../../src/observe/event-loop.ts'
import { resourceCommands } from '../../src/observe/view/commands.ts'
import { RuntimeView } from '../../src/observe/view/runtime-view.ts'
import { defineResource } from '../../src/resources/define.ts'
import { silentLog } from '../../src/resources/log.ts'
import { Registry } from '../../src/resources/registry.ts'
import { EventStream } from '../../src/supervision/events/stream.ts'
import { supervise } from '../../src/supervision/supervise.ts'

const ACTORS = 10_000
const SECONDS = 10
const CHANGES_A_SECOND = 2_000

const thing = defineResource<object, object>({
  kind: 'thing',
  machine: lifecycle,
  initialize: async () => ({}),
})

const sleep = (ms: number) => new Promise<void>(resolve => realClock.setTimeout(resolve, ms))

/** How long each turn of the view took, in milliseconds of CPU time. */
let turns: number[] = []

function timed(work: () => void): () => void {
  return () => {
    const before = process.threadCpuUsage()
    work()
    const { user, system } = process.threadCpuUsage(before)
    turns.push((user + system) / 1_000)
  }
}

const timedClock: Clock = {
  now: () => realClock.now(),
  setTimeout: (fn, ms) => realClock.setTimeout(timed(fn), ms),
  clearTimeout: handle => realClock.clearTimeout(handle),
  nextTurn: fn => realClock.nextTurn(timed(fn)),
}

/** The viewer: prints the number of rows and changes that it was told when it ends. */
async function view(url: string): Promise<void> {
  const { origin, hash } = new URL(url)
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/stream`, [
    'exovisor.v1',
    hash.replace('#token=', 'token.'),
  ])
  const told: Record<string, number> = {}
  socket.on('message', data => {
    const message = JSON.parse(String(data)) as { type: string; changed?: unknown[]; rows?: unknown[] }
    told[message.type] = (told[message.type] ?? 0) + (message.changed ?? message.rows ?? [0]).length
    if (message.type === 'rows' && (message as { last?: boolean }).last) process.send?.('loaded')
  })
  process.on('message', message => {
    if (message === 'watch') socket.send(JSON.stringify({ type: 'watch', paths: ['root/k7'] }))
    else process.send?.(told)
  })
  await once(socket, 'close')
}

async function measure(): Promise<void> {
  const registry = new Registry(silentLog)
  const events = new EventStream({ clock: realClock, log: silentLog })
  const children = Array.from({ length: ACTORS }, (_, index) => ({
    id: `k${index}`,
    resource: thing,
    input: {},
  }))
  const root = await supervise({ registry, events, children })
  const runtime = new RuntimeView({ root, registry, events, clock: timedClock })
  const journals = process.argv.includes('--no-journal') ? undefined : runtime.journal
  journals?.start()
  const ports = {
    commands: resourceCommands(root, registry, { clock: realClock }),
    hello: { node: { name: 'bench', id: 'bench', pid: process.pid, version: '0' }, startedAt: 0 },
  }
  const model = { chat: false, generate: async function* () {} }
  const input = { port: 0, token: 'bench', view: runtime, ports, model }
  const ref = await root.start({ id: 'console', resource: consoleServer, input })
  const { url } = await ref.ready()
  const loop = watchEventLoop()
  const show = (what: string): void => {
    const { median, p99, longest } = loop.take()
    const ms = (seconds: number): string => `${(seconds * 1_000).toFixed(1)} ms`
    const sorted = turns.sort((a, b) => a - b)
    turns = []
    const at = (part: number): string =>
      `${(sorted[Math.floor((sorted.length - 1) * part)] ?? 0).toFixed(1)} ms`
    console.log(
      `${what.padEnd(40)} event loop: median ${ms(median)}, p99 ${ms(p99)}, longest ${ms(longest)}; ` +
        `${sorted.length} turns of the view: median ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)} of CPU`,
    )
  }
  const change = async (): Promise<void> => {
    let index = 0
    for (const end = realClock.now() + SECONDS * 1_000; realClock.now() < end; ) {
      for (let count = 0; count < CHANGES_A_SECOND / 50; count += 1) {
        index = (index + 7_919) % ACTORS
        const one = root.ref(`k${index}`)
        if (one.state === 'READY') one.degrade('slow')
        else if (one.state === 'DEGRADED') void root.recover(`k${index}`)
      }
      await sleep(20)
    }
  }
  await sleep(1_000)
  loop.take()
  turns = []
  await change()
  show(`${CHANGES_A_SECOND} changes a second, no viewer`)
  const viewer: ChildProcess = fork(import.meta.filename, ['--view', url], { execArgv: process.execArgv })
  await once(viewer, 'message')
  show('a viewer connects')
  await change()
  show('the same with a viewer')
  viewer.send('watch')
  await sleep(1_000)
  show('the viewer begins to watch an actor')
  await change()
  show('the same while it watches')
  viewer.send('told')
  console.log(JSON.stringify((await once(viewer, 'message'))[0]))
  viewer.kill()
  loop.stop()
  journals?.close()
  await root.close()
}

const at = process.argv.indexOf('--view')
if (at > 0) await view(process.argv[at + 1] ?? '')
else await measure()
