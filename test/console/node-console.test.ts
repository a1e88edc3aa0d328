import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { InferenceClient } from '../../src/engine/inference.ts'
import type { Node } from '../../src/node.ts'
import { askNode } from '../../src/observe/control/ask-node.ts'
import type { ViewMessage } from '../../src/observe/view/messages.ts'
import type { ResourceRef } from '../../src/resources/types.ts'
import { killProcess } from '../cli/exovisor.ts'
import { testCluster, testNode } from '../node/cluster.ts'
import { TestViewer } from './running-console.ts'

const fixture = resolve(import.meta.dirname, '../fixtures/tiny-llama')
const work = mkdtempSync(join(tmpdir(), 'exovisor-console-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

function addressOf(node: Node): { readonly url: string; readonly token: string } {
  const { origin, hash } = new URL(node.console ?? '')
  return { url: origin, token: hash.replace('#token=', '') }
}

async function viewerOf(node: Node): Promise<TestViewer> {
  const { url, token } = addressOf(node)
  const socket = new WebSocket(`${url.replace('http:', 'ws:')}/stream`, ['exovisor.v1', `token.${token}`])
  const viewer = new TestViewer(socket)
  await once(socket, 'open')
  return viewer
}

async function chat(node: Node): Promise<{ type: string; stages?: unknown[] }[]> {
  const { url, token } = addressOf(node)
  const answer = await fetch(`${url}/chat`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'the quick brown fox' }], maxTokens: 4 }),
  })
  return (await answer.text())
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as { type: string })
}

describe('the console of a node', () => {
  it('shows that an engine was killed, why, and that it came back', async () => {
    await using node = await testNode('attic', fixture, { flags: { 'console.port': 0 } })
    await chat(node)
    const viewer = await viewerOf(node)
    const path = 'node/inference'
    viewer.send({ type: 'watch', paths: [path] })
    const hello = await viewer.message(({ type }) => type === 'hello')
    expect(hello).toMatchObject({ node: { name: 'attic', id: node.id, pid: process.pid } })
    const detail = await viewer.message(({ type }) => type === 'detail')
    expect(detail).toMatchObject({ detail: { machine: 'inference', row: { path, state: 'READY' } } })
    const { pid } = (node.ref('inference') as ResourceRef<InferenceClient>).client ?? { pid: 0 }
    killProcess(pid)
    await viewer.message(
      message => message.type === 'transitions' && message.transitions.some(({ event }) => event === 'fail'),
    )
    await viewer.message(
      message =>
        message.type === 'detail' &&
        message.detail.row.incarnation === 2 &&
        message.detail.row.state === 'READY' &&
        message.detail.row.error === 'EXO_ENGINE_DIED',
    )
    await viewer.message(
      message =>
        message.type === 'journal' &&
        message.lines.some(({ event }) => event.type === 'failed' && event.directive === 'restart'),
    )
    viewer.socket.close()
  })

  it('answers a chat with the events of the generation, and tells the figures of it', async () => {
    await using node = await testNode('attic', fixture, { flags: { 'console.port': 0 } })
    const viewer = await viewerOf(node)
    const events = await chat(node)
    expect(events.map(({ type }) => type)).toEqual(['placement', 'token', 'token', 'token', 'token', 'done'])
    await viewer.message(
      message =>
        message.type === 'figures' && message.samples.some(({ tokensPerSecond }) => tokensPerSecond > 0),
    )
    await viewer.message(
      message =>
        message.type === 'figures' &&
        message.samples.some(
          ({ processes, memory, timeToFirstToken }) =>
            Number(processes['node/inference']) > 0 && memory > 0 && timeToFirstToken !== undefined,
        ),
    )
    viewer.socket.close()
  })

  it('shows the cluster: the round trip to each peer, and which layers are where', async () => {
    await using cluster = await testCluster(2, fixture, { flags: { 'console.port': 0 } })
    const viewer = await viewerOf(cluster.entry)
    await chat(cluster.entry)
    const isPlaced = (message: ViewMessage) =>
      message.type === 'cluster' &&
      message.cluster.placement !== undefined &&
      message.cluster.nodes.every(({ self, latency }) => self === true || latency !== undefined)
    expect(await viewer.message(isPlaced)).toMatchObject({
      cluster: {
        nodes: [
          { id: cluster.entry.id, name: 'node-1', self: true, state: 'READY' },
          { id: cluster.others[0]?.id, name: 'node-2', state: 'READY', latency: expect.any(Number) },
        ],
        placement: {
          epoch: expect.any(Number),
          stages: [
            { node: 'node-1', layers: [0, expect.any(Number)] },
            { node: 'node-2', layers: [expect.any(Number), expect.any(Number)] },
          ],
        },
      },
    })
    viewer.socket.close()
  })

  it('is found by its address over the control socket, which also says when it is switched off', async () => {
    const socket = join(work, 'control.sock')
    const ask = () => askNode({ directory: work, socket }, 'console.address')
    {
      await using node = await testNode('attic', fixture, { flags: { 'control.socket': socket } })
      expect(await ask()).toEqual({ url: node.console })
    }
    const flags = { 'control.socket': socket, 'console.enabled': false }
    await using node = await testNode('attic', fixture, { flags })
    expect(node.console).toBeUndefined()
    await expect(ask()).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
  })

  it('keeps its address through a restart of itself', async () => {
    await using node = await testNode('attic', fixture, { flags: { 'console.port': 0 } })
    const before = node.console
    const viewer = await viewerOf(node)
    viewer.send({ type: 'command', id: 1, command: 'restart', path: 'node/console' })
    await once(viewer.socket, 'close')
    await node.ref('console').ready()
    expect(node.console).toBe(before)
    const again = await viewerOf(node)
    await again.message(message => message.type === 'rows' && message.last)
    again.socket.close()
  })
})
