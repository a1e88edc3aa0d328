import { once } from 'node:events'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { InferenceClient } from '../../src/engine/inference.ts'
import type { Node } from '../../src/node.ts'
import { type MetricEntry, metricCatalogue } from '../../src/observe/metric-catalogue.ts'
import type { ResourceRef } from '../../src/resources/types.ts'
import { killProcess } from '../cli/exovisor.ts'
import { testNode } from '../node/cluster.ts'

const fixture = resolve(import.meta.dirname, '../fixtures/tiny-llama')

/** What is exposed: the labels of each metric that has a value. */
async function exposed(node: Node): Promise<Map<string, ReadonlySet<string>>> {
  const text = await (await fetch(`${node.api}/metrics`)).text()
  const types = new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type]) => [name, type]),
  )
  const found = new Map<string, Set<string>>()
  for (const line of text.split('\n')) {
    const [, sample = '', labels = ''] = /^([a-z_]+)(?:\{(.*)\})? [^ ]+$/.exec(line) ?? []
    if (sample === '') continue
    const histogram = sample.replace(/_(?:bucket|sum|count)$/, '')
    const name = types.get(histogram) === 'histogram' ? histogram : sample
    const known = found.get(name) ?? new Set()
    found.set(name, known)
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) if (label !== 'le') known.add(label)
  }
  return found
}

/** A node to which everything has happened that is counted: an answer with a fail-over, a restart, a refused message. */
async function eventfulNode(): Promise<Node> {
  const node = await testNode('attic', fixture, { flags: { 'api.enabled': true, 'api.port': 0 } })
  await node.ready()
  const response = await fetch(`${node.api}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tiny-llama', prompt: 'the quick', max_tokens: 5, temperature: 0 }),
  })
  expect(response.status).toBe(200)
  await response.text()
  const engine = node.ref('inference') as ResourceRef<InferenceClient>
  const { pid } = await engine.ready()
  const restarted = new Promise<void>(done => {
    engine.subscribe(({ state, incarnation }) => {
      if (state === 'READY' && incarnation === 2) done()
    })
  })
  killProcess(pid)
  await restarted
  // It takes no messages, so that this one is refused.
  expect(node.ref('server').tell('hello' as never)).toBe(false)
  return node
}

describe('the metrics of a real node', () => {
  it('are all that is documented, and nothing that is not, with the labels that are documented', async () => {
    await using node = await eventfulNode()
    const entries: [string, MetricEntry][] = Object.entries(metricCatalogue)
    const documented = new Map(entries.map(([name, { labels }]) => [name, new Set(labels)]))
    const found = await exposed(node)
    expect([...found.keys()].filter(name => !documented.has(name))).toEqual([])
    expect([...documented.keys()].filter(name => !found.has(name))).toEqual([])
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(documented))
  })
})

describe('the metric of viewers', () => {
  it('counts those of the console and those of the inspector of Stately', async () => {
    await using node = await testNode('attic', fixture, {
      inspect: true,
      flags: { 'api.enabled': true, 'api.port': 0, 'console.port': 0, 'inspect.port': 0 },
    })
    const viewers = async () =>
      /^exovisor_viewers (\d+)$/m.exec(await (await fetch(`${node.api}/metrics`)).text())?.[1]
    expect(await viewers()).toBe('0')
    const tokenOf = (url: URL) => url.hash.slice('#token='.length)
    const inspector = new URL(node.inspector ?? '')
    const page = new URL(node.console ?? '')
    const sockets = [
      new WebSocket(`ws://${inspector.host}/${tokenOf(inspector)}`),
      new WebSocket(`ws://${page.host}/stream`, ['exovisor.v1', `token.${tokenOf(page)}`], {
        origin: page.origin,
      }),
    ]
    await Promise.all(sockets.map(socket => once(socket, 'message')))
    expect(await viewers()).toBe('2')
    for (const socket of sockets) socket.terminate()
  })
})

describe('the names of the metrics', () => {
  it('follow the conventions: a counter ends in _total, a unit is a base unit and spelled out, a help is one line', () => {
    for (const [name, { type, help }] of Object.entries(metricCatalogue)) {
      expect(name, name).toMatch(/^(?:exovisor|gen_ai|process)_[a-z]+(?:_[a-z]+)*$/)
      expect(name.endsWith('_total'), name).toBe(type === 'counter')
      expect(name, name).not.toMatch(/_(?:ms|milliseconds|kilobytes|kb|mb|percent|ratio)(?:_|$)/)
      if (type === 'histogram') expect(name, name).toMatch(/_seconds$/)
      expect(help, name).toMatch(/^[^\n]{1,200}$/)
    }
  })
})
