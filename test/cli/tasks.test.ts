import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { tasksTable } from '../../src/cli/tasks-table.ts'
import { deferred } from '../../src/concurrency/deferred.ts'
import { TaskRegistry } from '../../src/concurrency/task-registry.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { nodeTasks, tasksAnswer } from '../../src/observe/control/tasks-answer.ts'
import { Cleanup } from '../network/links.ts'
import { description, startNode } from '../network/nodes.ts'
import { exovisor, killStarted } from './exovisor.ts'

const fixture = resolve(import.meta.dirname, '../fixtures/tiny-llama')

const cleanup = new Cleanup()

afterAll(async () => {
  killStarted()
  await cleanup.run()
})

describe('what a node answers to tasks list', () => {
  it('has each task with its owner, its state and its age, and the counts and memory of each owner', async () => {
    const clock = new VirtualClock()
    const tasks = new TaskRegistry(clock)
    const announce = tasks.begin({ name: 'announce', owner: 'node/discovery:udp' })
    await clock.advance(1_500)
    tasks.begin({ name: 'resolve', owner: 'node/discovery:udp', parent: announce.id }).cancelling()
    const answer = tasksAnswer(
      'attic',
      tasks,
      () => new Map([['node/inference', { memory: 5_000_000, handles: 21 }]]),
    )
    expect(nodeTasks.parse(JSON.parse(JSON.stringify(answer)))).toEqual({
      node: 'attic',
      pid: process.pid,
      memory: { rss: expect.any(Number), heap: expect.any(Number) },
      handles: expect.any(Object),
      owners: [
        { owner: 'node/discovery:udp', tasks: 2 },
        { owner: 'node/inference', tasks: 0, memory: 5_000_000, handles: 21 },
      ],
      tasks: [
        { id: 1, name: 'announce', owner: 'node/discovery:udp', state: 'running', seconds: 1.5 },
        { id: 2, name: 'resolve', owner: 'node/discovery:udp', state: 'cancelling', seconds: 0, parent: 1 },
      ],
    })
    announce.ended()
    expect(tasks.list()).toHaveLength(1)
  })
})

describe('exovisor tasks list', () => {
  it('shows tasks as a tree, each under the one that began it', () => {
    const table = tasksTable({
      node: 'attic',
      pid: 42,
      memory: { rss: 100 * 2 ** 20, heap: 10 * 2 ** 20 },
      handles: { Timeout: 2, TCPSocketWrap: 1 },
      owners: [
        { owner: 'node/inference', tasks: 0, memory: 300 * 2 ** 20, handles: 42 },
        { owner: 'node/inference:cellar', tasks: 0, memory: 200 * 2 ** 20 },
        { owner: 'node/placement', tasks: 1 },
      ],
      tasks: [
        { id: 1, name: 'announce', owner: 'node/discovery:udp', state: 'running', seconds: 7_500 },
        { id: 3, name: 'restore', owner: 'node/placement', state: 'cancelling', seconds: 61 },
        { id: 4, name: 'send', owner: 'node/discovery:udp', state: 'running', seconds: 0.25, parent: 1 },
        { id: 9, name: 'left', owner: 'node/x', state: 'running', seconds: 12, parent: 8 },
      ],
    })
    expect(table).toBe(`node attic, process 42: 4 tasks, 100 MiB resident, 10 MiB heap
processes of its resources: node/inference 300 MiB and 42 handles, node/inference:cellar 200 MiB
open handles: 2 Timeout, 1 TCPSocketWrap

TASK      OWNER               STATE       AGE
announce  node/discovery:udp  running     2 h 5 min
  send    node/discovery:udp  running     0.3 s
restore   node/placement      cancelling  1 min 1 s
left      node/x              running     12 s
`)
  })

  it('asks the node that runs, and says so when there is none', async () => {
    const runtime = mkdtempSync(join(tmpdir(), 'exovisor-tasks-'))
    const env = { XDG_RUNTIME_DIR: runtime, EXOVISOR_DISCOVERY__UDP__ENABLED: 'false' }
    const none = exovisor(['tasks', 'list', '--json'], env)
    expect((await none.ended).code).toBe(1)
    expect(none.stderr()).toContain('EXO_NODE_NOT_RUNNING')

    const node = exovisor(['up', '--json', '--name', 'attic', '--model', fixture, '--port', '0'], env)
    await node.line(value => value['type'] === 'ready')
    const json = exovisor(['tasks', 'list', '--json'], env)
    expect(await json.line(value => value['node'] === 'attic')).toMatchObject({
      pid: node.child.pid,
      owners: expect.arrayContaining([
        {
          owner: 'node/inference',
          tasks: expect.any(Number),
          memory: expect.any(Number),
          handles: expect.any(Number),
        },
      ]),
    })
    const table = exovisor(['tasks', 'list', '--node', 'attic'], env)
    await table.ended
    expect(table.lines[0]).toMatch(/^node attic, process \d+: \d+ tasks, \d+ MiB resident, \d+ MiB heap$/)
    node.child.kill('SIGTERM')
    expect((await node.ended).code).toBe(0)
  })

  it('shows the load of a shard that hangs under the placement that waits for it, and the generation that waits for both', async () => {
    const ordered = deferred<void>()
    const { endpoint } = await startNode(cleanup, {
      describe: () => description({ name: 'cellar', namespace: 'default' }),
      placeShard: (_order, { signal }) => {
        ordered.resolve()
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      },
    })
    const runtime = mkdtempSync(join(tmpdir(), 'exovisor-tasks-'))
    const file = join(runtime, 'peers.json')
    writeFileSync(file, JSON.stringify({ peers: [] }))
    const env = {
      XDG_RUNTIME_DIR: runtime,
      EXOVISOR_DISCOVERY__UDP__ENABLED: 'false',
      EXOVISOR_DISCOVERY__MANUAL__FILE: file,
    }
    const node = exovisor(['up', '--json', '--name', 'attic', '--model', fixture, '--port', '0'], env)
    const { api } = await node.line(value => value['type'] === 'ready')
    // The first placement is made without the peer; the next one asks it to hold a part.
    writeFileSync(file, JSON.stringify({ peers: [{ name: 'cellar', endpoint }] }))
    await node.line(value => value['event'] === 'ready' && value['name'] === 'peer:cellar')
    const body = JSON.stringify({ model: 'tiny-llama', prompt: 'Once', max_tokens: 4 })
    const headers = { 'content-type': 'application/json' }
    const leave = new AbortController()
    let isOrdered = false
    const order = ordered.promise.then(() => {
      isOrdered = true
    })
    let waiting: Promise<number | string> = Promise.resolve(200)
    while (!isOrdered) {
      expect(await waiting).toBe(200)
      const asked = fetch(`${api}/v1/completions`, { method: 'POST', headers, body, signal: leave.signal })
      waiting = asked.then(
        ({ status }) => status,
        error => error.name,
      )
      await Promise.race([order, waiting])
    }

    const table = exovisor(['tasks', 'list'], env)
    await table.ended
    const rows = table.lines.map(line => line.split(/ {2,}/).slice(0, -1).join(' | '))
    const place = rows.findIndex(row => row.startsWith('place |'))
    expect(rows[place]).toBe('place | node/placement | running')
    // Indented, so that nothing stands before the first columns' gap. The node's own load may have ended, or not.
    const after = rows.slice(place + 1)
    const end = after.findIndex(row => !row.startsWith(' |'))
    expect(end === -1 ? after : after.slice(0, end)).toContainEqual(
      expect.stringMatching(/^ \| load layers? [\d-]+ on cellar \| node\/placement \| running$/),
    )
    expect(rows).toContain('generate | node/inference | running')

    leave.abort()
    expect(await waiting).toBe('AbortError')
    node.child.kill('SIGTERM')
    expect((await node.ended).code).toBe(0)
  })
})
