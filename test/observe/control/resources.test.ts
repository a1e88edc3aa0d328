import { mkdtempSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { controlServer } from '../../../src/observe/control/control-server.ts'
import type { ControlHandler } from '../../../src/observe/control/protocol.ts'
import { exportAnswer, resourceDocuments } from '../../../src/observe/control/resource-answers.ts'
import { resourceHandlers } from '../../../src/observe/control/resource-handlers.ts'
import { createJournal } from '../../../src/observe/journal.ts'
import { resourceCommands } from '../../../src/observe/view/commands.ts'
import { createResource, supervisorResource } from '../../../src/runtime.ts'
import type { AnyChildSpec, SupervisionRecord } from '../../../src/supervision/types.ts'
import { calm, kid } from '../../supervision/tree.ts'
import { evening, watched } from '../monitor/watched.ts'

async function answering(children: readonly AnyChildSpec[]) {
  const policies = {
    default: { ...calm, on: ['ERROR' as const], probe: { interval: 3_600_000, timeout: 1_000 } },
  }
  const tree = await watched(children, { policies })
  const { root, registry, clock, events } = tree
  const journal = createJournal<SupervisionRecord>({ now: () => evening + clock.now() })
  events.subscribe(record => void journal.write(record))
  const handlers = resourceHandlers({
    node: { name: 'attic', id: 'abc', version: '1.0.0' },
    root,
    registry,
    journal,
    commands: resourceCommands(root, registry, { clock }),
    monitor: async () => tree.monitor,
    clock,
    now: () => evening + clock.now(),
  })
  return { ...tree, handlers, [Symbol.asyncDispose]: tree[Symbol.asyncDispose] }
}

/** What goes over the socket, line by line. */
async function transcript(
  handlers: Readonly<Record<string, ControlHandler>>,
  requests: readonly object[],
): Promise<readonly unknown[]> {
  const path = join(mkdtempSync(join(tmpdir(), 'exovisor-golden-')), 'node.sock')
  const server = createResource(controlServer, { input: { path, handlers } })
  await server.initialize()
  const answers: unknown[] = []
  for (const [index, request] of requests.entries()) {
    answers.push(
      await new Promise((resolve, reject) => {
        const socket = connect(path).on('error', reject)
        let text = ''
        socket.setEncoding('utf8').on('data', (part: string) => {
          text += part
          if (!text.endsWith('\n')) return
          socket.destroy()
          resolve(JSON.parse(text))
        })
        socket.write(`${JSON.stringify({ id: index, ...request })}\n`)
      }),
    )
  }
  await server.close()
  return answers
}

const row = (path: string, facts: object = {}) => ({
  path,
  parent: path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '',
  name: path.slice(path.lastIndexOf('/') + 1),
  displayName: path.slice(path.lastIndexOf('/') + 1),
  kind: 'scripted',
  state: 'READY',
  incarnation: 1,
  restarts: 0,
  since: evening,
  suspended: false,
  dependencies: [],
  ...facts,
})

describe('what a node says of its resources over its control socket', () => {
  it('goes line by line as written here', async () => {
    await using tree = await answering([kid('disk').spec])
    const { handlers } = tree
    const list = { method: 'resources.list' }
    const change = (command: string, more: object = {}) => ({
      method: 'resources.command',
      params: { command, name: 'disk', ...more },
    })
    expect(
      await transcript(handlers, [
        list,
        { ...list, params: { mark: '0' } },
        { ...list, params: { kind: 'supervisor', state: 'READY' } },
        change('suspend'),
        change('suspend'),
        { ...list, params: { mark: '0', kind: 'scripted' } },
        change('resume'),
        change('restart'),
        change('restart', { name: 'disc' }),
        change('reset', { kind: 'peer' }),
        change('explode'),
        { method: 'resources.list', params: { sort: 'name' } },
        { method: 'resources.events', params: { limit: 0 } },
      ]),
    ).toEqual([
      {
        id: 0,
        result: {
          mark: '0',
          answer: { node: 'attic', resources: [row('node', { kind: 'supervisor' }), row('node/disk')] },
        },
      },
      { id: 1, result: { mark: '0' } },
      {
        id: 2,
        result: { mark: '0', answer: { node: 'attic', resources: [row('node', { kind: 'supervisor' })] } },
      },
      {
        id: 3,
        result: {
          node: 'attic',
          command: 'suspend',
          path: 'node/disk',
          state: 'READY',
          incarnation: 1,
          suspended: true,
        },
      },
      {
        id: 4,
        error: expect.objectContaining({
          code: 'EXO_REQUEST_INVALID',
          message: 'suspend of node/disk: it is suspended already',
        }),
      },
      {
        id: 5,
        result: { mark: '1', answer: { node: 'attic', resources: [row('node/disk', { suspended: true })] } },
      },
      {
        id: 6,
        result: {
          node: 'attic',
          command: 'resume',
          path: 'node/disk',
          state: 'READY',
          incarnation: 1,
          suspended: false,
        },
      },
      {
        id: 7,
        result: {
          node: 'attic',
          command: 'restart',
          path: 'node/disk',
          state: 'READY',
          incarnation: 2,
          suspended: false,
        },
      },
      {
        id: 8,
        error: expect.objectContaining({
          code: 'EXO_CHILD_UNKNOWN',
          message: 'there is no resource "disc", did you mean "disk"?',
        }),
      },
      {
        id: 9,
        error: expect.objectContaining({
          message: 'the resource "disk" is of kind scripted, expected kind "peer"',
        }),
      },
      {
        id: 10,
        error: expect.objectContaining({
          code: 'EXO_REQUEST_INVALID',
          message: expect.stringContaining('params.command: '),
        }),
      },
      { id: 11, error: expect.objectContaining({ code: 'EXO_REQUEST_INVALID' }) },
      {
        id: 12,
        error: expect.objectContaining({
          code: 'EXO_REQUEST_INVALID',
          message: expect.stringContaining('params.limit: '),
        }),
      },
    ])
  })

  it('lists all that are called so when a name is that of several, and knows them by their paths', async () => {
    const below = (id: string) => ({
      id,
      resource: supervisorResource,
      input: { children: [kid('disk').spec], policies: { default: calm } },
    })
    await using tree = await answering([below('left'), below('right')])
    const run = async (name: string) => tree.handlers['resources.command']?.({ command: 'suspend', name })
    await expect(run('disk')).rejects.toMatchObject({
      code: 'EXO_CHILD_UNKNOWN',
      message: '2 resources are called "disk", expected one path of node/left/disk, node/right/disk',
    })
    expect(await run('node/right/disk')).toMatchObject({ path: 'node/right/disk', suspended: true })
    await expect(run('node/right/disc')).rejects.toMatchObject({
      message: 'there is no resource "node/right/disc", did you mean "node/right/disk"?',
    })
  })

  it('tells of events by name, also of a resource that is gone, and of those that are new since a mark', async () => {
    await using tree = await answering([kid('disk').spec, kid('link').spec])
    const ask = async (params: object) =>
      (await tree.handlers['resources.events']?.({ limit: 10, ...params })) as {
        mark: string
        answer: { events: readonly { path: string; event: { type: string } }[] }
      }
    const types = ({ answer }: Awaited<ReturnType<typeof ask>>) =>
      answer.events.map(({ path, event }) => `${event.type} ${path}`)
    tree.root.ref('disk').fail('worn out')
    await tree.clock.advance(1_000)
    await tree.root.remove('link')
    const all = await ask({})
    expect(types(await ask({ name: 'disk', limit: 2 }))).toEqual(['ready node/disk', 'restarted node/disk'])
    expect(types(await ask({ name: 'node/link' })).at(-1)).toBe('stopped node/link')
    await expect(ask({ name: 'dusk' })).rejects.toMatchObject({ code: 'EXO_CHILD_UNKNOWN' })
    expect(types(await ask({ mark: all.mark }))).toEqual([])
    tree.root.suspend('disk')
    expect(types(await ask({ mark: all.mark }))).toEqual(['suspended node/disk'])
    expect(types(await ask({ mark: all.mark, name: 'link' }))).toEqual([])
    await tree.clock.advance(60_000)
    expect(types(await ask({ since: 30_000 }))).toEqual([])
  })

  it('gives documents that their schemas take, health and export among them', async () => {
    await using tree = await answering([kid('disk').spec])
    tree.root.ref('disk').fail('worn out')
    await tree.clock.advance(5_000)
    const answered: unknown = await tree.handlers['resources.health']?.({ since: 3_600_000 })
    const { answer } = answered as { answer: unknown }
    expect(resourceDocuments.health.parse(answer)).toMatchObject({
      healthy: true,
      happened: { restarts: [{ count: 1 }] },
    })
    const exported = exportAnswer.parse(await tree.handlers['resources.export']?.({}))
    expect(exported.resources.map(({ path, spec }) => [path, spec?.['kind']])).toEqual([
      ['node', undefined],
      ['node/disk', 'scripted'],
    ])
    expect(exported.events.map(({ event }) => event.type)).toContain('failed')
  })
})
