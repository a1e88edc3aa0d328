import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import OpenAI from 'openai'
import { afterAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { InferenceClient } from '../../src/engine/inference.ts'
import { type Node, spawnNode } from '../../src/node.ts'
import { silentLog } from '../../src/resources/log.ts'
import type { ResourceRef } from '../../src/resources/types.ts'
import { alive, killProcess } from '../cli/exovisor.ts'
import { testCluster, testNode } from './cluster.ts'

const fixture = resolve(import.meta.dirname, '../fixtures/tiny-llama')
const work = mkdtempSync(join(tmpdir(), 'exovisor-node-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

const greedy = { temperature: 0 }
const engineOf = (node: Node) => node.ref('inference') as ResourceRef<InferenceClient>
const quiet = { env: {}, logger: () => silentLog }

async function ids(
  node: Node,
  maxTokens: number,
  onToken: (count: number) => void = () => {},
): Promise<number[]> {
  const all: number[] = []
  for await (const token of node.generate({
    prompt: 'the quick brown fox',
    raw: true,
    maxTokens,
    sampling: greedy,
  })) {
    all.push(token.id)
    onToken(all.length)
  }
  return all
}

describe('a node from code', () => {
  it('generates, token by token, and returns the whole result', async () => {
    await using node = await testNode('attic', fixture)
    await node.ready()
    const answer = node.generate({ prompt: 'x', raw: true, maxTokens: 6, sampling: greedy })
    const tokens: string[] = []
    for (let next = await answer.next(); ; next = await answer.next()) {
      if (next.done) {
        expect(next.value).toMatchObject({ text: tokens.join(''), finishReason: 'length' })
        expect(next.value.tokenIds).toHaveLength(6)
        break
      }
      tokens.push(next.value.text)
    }
    expect(engineOf(node)).toMatchObject({ kind: 'inference', state: 'READY', incarnation: 1 })
  })

  it('takes its configuration as an object, with the same checks as a file', async () => {
    await expect(spawnNode({ ...quiet, config: { api: { prot: 1 } } })).rejects.toMatchObject({
      code: 'EXO_CONFIG_INVALID',
      message: expect.stringContaining('did you mean port?'),
    })
  })

  it('refuses a model that is not there, and leaves nothing running', async () => {
    await expect(testNode('attic', '/nowhere/at-all')).rejects.toMatchObject({ code: 'EXO_MODEL_NOT_FOUND' })
  })

  it('refuses a prompt that does not fit, and names both numbers', async () => {
    await using node = await testNode('attic', fixture, { flags: { 'engine.context': 16 } })
    const answer = node.generate({ prompt: 'a b c d e f g h i j k l m n o p q r s t u v w x y z', raw: true })
    await expect(answer.next()).rejects.toMatchObject({
      code: 'EXO_PROMPT_TOO_LONG',
      details: { context: 16, promptTokens: expect.any(Number) },
    })
  })

  it('shows its resources and what happened to them', async () => {
    await using node = await testNode('attic', fixture)
    await ids(node, 2)
    expect(node.children().map(({ id, state }) => [id, state])).toEqual([
      ['server', 'READY'],
      ['peers', 'READY'],
      ['monitor', 'READY'],
      ['console', 'READY'],
      ['control', 'READY'],
      ['inference', 'READY'],
    ])
    expect(
      node.journal.last(100).map(({ event }) => `${event.type} ${'name' in event ? event.name : ''}`),
    ).toContain('ready inference')
  })

  it('can be watched by an XState inspection observer that comes later', async () => {
    await using node = await testNode('attic', fixture)
    const seen = new Set<string>()
    const detach = node.inspect(event => {
      if (event.type === '@xstate.actor') seen.add(String((event.actorRef as { id?: string }).id))
    })
    await ids(node, 2)
    detach()
    expect([...seen].some(id => id.startsWith('server'))).toBe(true)
    expect([...seen].some(id => id.startsWith('inference'))).toBe(true)
  })

  it('offers its machines to the inspector of Stately when it is told to', async () => {
    await using node = await testNode('attic', fixture, { inspect: true, flags: { 'inspect.port': 0 } })
    const { host, hash } = new URL(node.inspector ?? '')
    const viewer = new WebSocket(`ws://${host}/${hash.slice('#token='.length)}`)
    const seen = new Set<string>()
    await new Promise<void>(resolve => {
      viewer.on('message', data => {
        const { type, name } = JSON.parse(String(data))
        if (type === '@xstate.actor') seen.add(name)
        if (seen.has('server#1') && seen.has('inspector#1')) resolve()
      })
    })
    expect(seen).toContain('node#1')
    expect(node.children().find(({ id }) => id === 'inspector')).toMatchObject({
      kind: 'inspector',
      value: { READY: 'serving' },
    })
    const gone = once(viewer, 'close')
    await node.close()
    await gone
  })

  it('has no inspector when nobody asked for one', async () => {
    await using node = await testNode('attic', fixture)
    expect(node.inspector).toBeUndefined()
    expect(node.children().map(({ id }) => id)).not.toContain('inspector')
  })

  it('stops the work when the loop over its tokens is left', async () => {
    await using node = await testNode('attic', fixture, { flags: { 'engine.slots': 1 } })
    for (let round = 0; round < 3; round += 1)
      for await (const _ of node.generate({ prompt: 'x', raw: true, maxTokens: 200 })) break
    expect(await ids(node, 3)).toHaveLength(3)
  })

  it('lets a running answer finish when it is closed, and takes no further one', async () => {
    const node = await testNode('attic', fixture)
    const whole = await ids(node, 60)
    let closing: Promise<unknown> | undefined
    const answer = ids(node, 60, count => {
      if (count === 5) closing = node.close()
    })
    expect(await answer).toEqual(whole)
    await closing
    await expect(ids(node, 2)).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
  })

  it('says EXO_ABORTED when the caller has given up before', async () => {
    const signal = AbortSignal.abort('no more')
    await expect(testNode('attic', fixture, { signal })).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    await using node = await testNode('attic', fixture)
    await expect(node.generate({ prompt: 'x', signal }).next()).rejects.toMatchObject({ code: 'EXO_ABORTED' })
  })

  it('lets several nodes with different numbers of slots hold as many generations as the entry lets in', async () => {
    await using cluster = await testCluster(
      2,
      fixture,
      { flags: { 'engine.slots': 1 } },
      { flags: { 'engine.slots': 4 } },
    )
    const all = await Promise.all(Array.from({ length: 4 }, () => ids(cluster.entry, 12)))
    expect(new Set(all.map(String)).size).toBe(1)
  })

  it('makes more generations at a time than its engine holds wait for their turn', async () => {
    await using node = await testNode('attic', fixture, { flags: { 'engine.slots': 2 } })
    const all = await Promise.all(Array.from({ length: 6 }, () => ids(node, 5)))
    expect(new Set(all.map(String)).size).toBe(1)
  })

  it('runs on the dummy engine too, without weights', async () => {
    await using one = await testNode('attic', fixture, { flags: { 'engine.kind': 'dummy' } })
    const whole = await ids(one, 10)
    await using cluster = await testCluster(3, fixture, { flags: { 'engine.kind': 'dummy' } })
    expect(await ids(cluster.entry, 10)).toEqual(whole)
  })
})

describe('a node whose parts fail', () => {
  it('goes on with the same answer when its engine is killed in the middle, as a new incarnation behind the same ref', async () => {
    await using node = await testNode('attic', fixture)
    const whole = await ids(node, 40)
    const engine = engineOf(node)
    const { pid } = await engine.ready()
    expect(await ids(node, 40, count => count === 10 && killProcess(pid))).toEqual(whole)
    expect(engine.incarnation).toBe(2)
    expect((await engine.ready()).pid).not.toBe(pid)
  })

  it('goes on when its engine hangs in the middle, though its process lives', async () => {
    await using node = await testNode('attic', fixture)
    const whole = await ids(node, 40)
    const { pid } = await engineOf(node).ready()
    expect(await ids(node, 40, count => count === 10 && process.kill(pid, 'SIGSTOP'))).toEqual(whole)
    expect(engineOf(node).incarnation).toBe(2)
    expect(alive(pid)).toBe(false)
  })

  it('goes on with all answers when a stage dies while several run', async () => {
    await using cluster = await testCluster(3, fixture)
    const whole = await ids(cluster.entry, 60)
    const [other] = cluster.others
    const id = other?.children().find(({ kind }) => kind === 'inference')?.id ?? ''
    const client = (await other?.ref(id).ready()) as InferenceClient
    let killed = false
    const answers = await Promise.all(
      Array.from({ length: 3 }, () =>
        ids(cluster.entry, 60, count => {
          if (count !== 10 || killed) return
          killed = true
          killProcess(client.pid)
        }),
      ),
    )
    expect(answers).toEqual([whole, whole, whole])
  })

  it('says what is wrong when the model has vanished and the engine must start again', async () => {
    const model = join(work, 'vanishing')
    cpSync(fixture, model, { recursive: true })
    await using node = await testNode('attic', model, {
      config: {
        supervision: {
          kinds: { inference: { intensity: { restarts: 1, within: '1m' }, backoff: { initial: '1ms' } } },
        },
      },
    })
    expect(await ids(node, 2)).toHaveLength(2)
    const { pid } = await engineOf(node).ready()
    rmSync(model, { recursive: true })
    expect(await ids(node, 2)).toHaveLength(2)
    killProcess(pid)
    const { error } = await node.closed
    expect(error?.code).toBe('EXO_ESCALATED')
    expect(JSON.stringify(node.journal.last(100))).toContain(model)
  })

  it('spreads the layers over the nodes that are left when one goes away', async () => {
    await using cluster = await testCluster(3, fixture)
    const whole = await ids(cluster.entry, 20)
    const [gone] = cluster.others
    await gone?.close()
    expect(await ids(cluster.entry, 20)).toEqual(whole)
  })
})

describe('the HTTP API of a node', () => {
  it('serves the official client, streaming and not, and stops the work when it leaves', async () => {
    await using node = await testNode('attic', fixture, {
      place: 'at-once',
      flags: { 'api.enabled': true, 'api.port': 0 },
    })
    await node.ready()
    const client = new OpenAI({ baseURL: `${node.api}/v1`, apiKey: 'none', maxRetries: 0 })
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['tiny-llama'])
    const question = {
      model: 'tiny-llama',
      messages: [{ role: 'user', content: 'hello' }],
      max_tokens: 8,
      temperature: 0,
    } as const
    const plain = await client.chat.completions.create({ ...question, messages: [...question.messages] })
    let streamed = ''
    for await (const chunk of await client.chat.completions.create({
      ...question,
      messages: [...question.messages],
      stream: true,
    }))
      streamed += chunk.choices[0]?.delta.content ?? ''
    expect(streamed).toBe(plain.choices[0]?.message.content)
    expect(plain.usage).toMatchObject({ completion_tokens: 8 })
    const long = await client.chat.completions.create({
      ...question,
      messages: [...question.messages],
      max_tokens: 200,
      stream: true,
    })
    for await (const _ of long) break
    await expect
      .poll(async () => (await fetch(`${node.api}/metrics`)).text())
      .toMatch(/exovisor_generations_total\{[^}]*outcome="aborted"[^}]*\} 1/)
  })
})
