import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { InferenceClient } from '../../src/engine/inference.ts'
import type { Node } from '../../src/node.ts'
import { createLogger } from '../../src/observe/logger.ts'
import type { ResourceRef } from '../../src/resources/types.ts'
import { killProcess } from '../cli/exovisor.ts'
import { testNode } from '../node/cluster.ts'

const fixture = resolve(import.meta.dirname, '../fixtures/tiny-llama')
const secrets = ['secret-of-the-api', 'secret-of-the-nodes']

interface Line {
  readonly msg: string
  readonly kind?: string
  readonly event?: string
  readonly resource?: string
  readonly incarnation?: number
  readonly request?: string
}

/** A node, and all that it has logged, as a program reads it. */
async function loggingNode(): Promise<{ node: Node; lines: () => Line[]; text: () => string }> {
  const written: string[] = []
  const to = { write: (line: string) => void written.push(line) }
  const node = await testNode('attic', fixture, {
    logger: () => createLogger({ level: 'debug', to }),
    flags: {
      'api.enabled': true,
      'api.port': 0,
      'api.keys': [secrets[0]],
      'grpc.key': secrets[1],
    },
  })
  await node.ready()
  return {
    node,
    lines: () => written.map(line => JSON.parse(line) as Line),
    text: () => written.join(''),
  }
}

const post = (node: Node, id: string, body: object) =>
  fetch(`${node.api}/v1/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${secrets[0]}`,
      'x-request-id': id,
    },
    body: JSON.stringify({ model: 'tiny-llama', prompt: 'the quick', temperature: 0, ...body }),
  })

/** Streams an answer, and kills the engine after its first words. */
async function answerWithFailover(node: Node, id: string): Promise<void> {
  const response = await post(node, id, { max_tokens: 40, stream: true })
  expect(response.headers.get('x-request-id')).toBe(id)
  let isKilled = false
  for await (const _ of response.body ?? []) {
    const { client } = node.ref('inference') as ResourceRef<InferenceClient>
    if (!isKilled && client) killProcess(client.pid)
    isKilled = true
  }
}

describe('the log lines of a real node', () => {
  it('name resource and incarnation, and the request, wherever they belong to one, and never a secret', async () => {
    const { node, lines, text } = await loggingNode()
    await using _ = node
    await answerWithFailover(node, 'request-1')
    await (await post(node, 'request-2', { max_tokens: 2 })).text()
    await (await fetch(`${node.api}/v1/models`)).text()
    node.ref('server').tell('hello' as never)
    await node.close()

    const about = lines().filter(({ resource }) => resource !== undefined)
    for (const line of about) {
      expect(line.resource, JSON.stringify(line)).toMatch(/^node(?:\/[^/]+)*$/)
      expect(line.incarnation, JSON.stringify(line)).toBeGreaterThanOrEqual(1)
      expect(line.kind, JSON.stringify(line)).toBeTypeOf('string')
    }
    const others = lines().filter(({ resource }) => resource === undefined)
    expect(
      others.filter(({ kind, event, msg }) => kind ?? event ?? /inference|peer|server/.exec(msg)),
    ).toEqual([])
    const incarnations = (path: string) =>
      new Set(about.filter(({ resource }) => resource === path).map(({ incarnation }) => incarnation))
    expect(incarnations('node/inference')).toEqual(new Set([1, 2]))
    expect(incarnations('node/server')).toEqual(new Set([1]))

    const ofRequest = (id: string) => lines().filter(({ request }) => request === id)
    expect(ofRequest('request-1').map(({ msg }) => msg)).toEqual([
      'a generation goes on with another placement',
      'a generation is over',
      'request',
    ])
    expect(ofRequest('request-2').map(({ msg }) => msg)).toEqual(['a generation is over', 'request'])
    expect(ofRequest('request-2')[1]).toMatchObject({ resource: 'node/api', incarnation: 1 })
    const requests = lines().filter(({ msg }) => /^request$|generation/.exec(msg))
    expect(requests).toHaveLength(6)
    expect(requests.filter(({ request }) => request === undefined)).toEqual([])

    for (const secret of secrets) expect(text()).not.toContain(secret)
  })
})
