import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { InferenceClient } from '../../../src/engine/inference.ts'
import type { Node } from '../../../src/node.ts'
import type { ResourceRef } from '../../../src/resources/types.ts'
import { killProcess } from '../../cli/exovisor.ts'
import { testNode } from '../../node/cluster.ts'
import { type Collector, type SentSpan, startCollector, treeOf } from './collector.ts'

const fixture = resolve(import.meta.dirname, '../../fixtures/tiny-llama')

const tracedNode = (collector: Collector, flags: Readonly<Record<string, unknown>> = {}): Promise<Node> =>
  testNode('attic', fixture, {
    flags: { 'api.enabled': true, 'api.port': 0, 'tracing.endpoint': collector.url, ...flags },
  })

const complete = (node: Node, headers: Readonly<Record<string, string>> = {}, more: object = {}) =>
  fetch(`${node.api}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      model: 'tiny-llama',
      prompt: 'my secret prompt',
      max_tokens: 5,
      temperature: 0,
      ...more,
    }),
  })

const engineOf = (node: Node) => node.ref('inference') as ResourceRef<InferenceClient>

const named = (spans: readonly SentSpan[], name: string): SentSpan => {
  const found = spans.find(span => span.name === name)
  if (!found) throw new Error(`there is no span ${name}, but ${spans.map(span => span.name).join(', ')}`)
  return found
}

describe('the spans of a real node', () => {
  it('show a request with all that was done for it, below the span of its caller', async () => {
    await using collector = await startCollector()
    await using node = await tracedNode(collector)
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
    const caller = '00f067aa0ba902b7'
    const response = await complete(node, {
      traceparent: `00-${traceId}-${caller}-01`,
      'x-request-id': 'request-1',
    })
    expect(response.headers.get('x-request-id')).toBe('request-1')
    await response.text()
    await fetch(`${node.api}/readyz`)
    await node.close()

    const spans = collector.spans.filter(span => span.traceId === traceId)
    expect(treeOf(spans, caller)).toEqual([
      'POST /v1/completions',
      '  text_completion tiny-llama',
      '    queue',
      '    placement',
      '      place tiny-llama',
      expect.stringMatching(/^ {8}load layers 0-\d+ on attic$/),
      '        link',
      '    prefill',
      '    decode',
    ])
    expect(named(spans, 'POST /v1/completions')).toMatchObject({
      kind: 2,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v1/completions',
        'http.response.status_code': 200,
        'exovisor.request.id': 'request-1',
      },
    })
    const generation = named(spans, 'text_completion tiny-llama').attributes
    expect(generation).toMatchObject({
      'gen_ai.operation.name': 'text_completion',
      'gen_ai.provider.name': 'exovisor',
      'gen_ai.request.model': 'tiny-llama',
      'gen_ai.request.max_tokens': 5,
      'gen_ai.request.temperature': 0,
      'gen_ai.usage.output_tokens': 5,
      'gen_ai.response.finish_reasons': ['length'],
      'exovisor.request.id': 'request-1',
    })
    expect(named(spans, 'prefill').attributes).toEqual({
      'exovisor.epoch': 1,
      'exovisor.stages': [expect.stringMatching(/^attic 0-\d+$/)],
      'exovisor.tokens': generation['gen_ai.usage.input_tokens'],
      'exovisor.stages.busy_ms': [expect.any(Number)],
    })
    const decode = named(spans, 'decode')
    expect(decode.attributes['exovisor.tokens']).toBe(5)
    const [busyMs = 0] = decode.attributes['exovisor.stages.busy_ms'] as number[]
    expect(busyMs).toBeGreaterThan(0)
    // It was busy with the last four tokens; that they are read takes a little more or less.
    expect(busyMs).toBeLessThan(Number(decode.end - named(spans, 'prefill').start) / 1e6)
    expect(spans.every(({ status }) => status.code !== 2)).toBe(true)
    expect(spans.every(({ start, end }) => end >= start)).toBe(true)
    expect(collector.spans.map(({ name }) => name)).not.toContain('GET /readyz')
    expect(JSON.stringify(spans.map(({ attributes }) => attributes))).not.toContain('secret prompt')
    expect(collector.resource).toMatchObject({
      'service.name': 'exovisor',
      'exovisor.node.name': 'attic',
      'process.pid': process.pid,
    })
    expect([...collector.paths]).toEqual(['/v1/traces'])
  })

  it('show a fail-over within its generation, and the restart of the engine as a trace of its own', async () => {
    await using collector = await startCollector()
    await using node = await tracedNode(collector)
    await node.ready()
    let tokens = 0
    for await (const event of node.events({
      prompt: 'the quick',
      maxTokens: 40,
      sampling: { temperature: 0 },
    })) {
      if (event.type === 'token') tokens += 1
      if (event.type === 'token' && tokens === 5) killProcess(engineOf(node).client?.pid ?? 0)
    }
    await node.close()

    const generation = named(collector.spans, 'text_completion tiny-llama')
    const tree = treeOf(collector.spans, generation.spanId)
    expect(tree.filter(line => !line.startsWith('  ')).slice(0, 4)).toEqual([
      'queue',
      'placement',
      'prefill',
      'decode',
    ])
    expect(tree.slice(tree.indexOf('failover'))).toEqual(
      expect.arrayContaining(['failover', '  placement', '  prefill', 'decode']),
    )
    const decodes = collector.spans.filter(({ name }) => name === 'decode')
    expect(
      decodes.map(({ attributes }) => Number(attributes['exovisor.tokens'])).reduce((a, b) => a + b),
    ).toBe(tokens)
    expect(decodes[0]?.status.code).toBe(2)
    expect(named(collector.spans, 'failover').attributes['exovisor.epoch']).toBeGreaterThan(1)
    expect(generation.status.code).not.toBe(2)

    const restart = named(collector.spans, 'restart inference')
    expect(restart).toMatchObject({
      parentSpanId: undefined,
      attributes: {
        'exovisor.resource.path': 'node/inference',
        'exovisor.resource.kind': 'inference',
        'exovisor.resource.incarnation': 1,
        'error.type': 'EXO_ENGINE_DIED',
      },
    })
    const events = restart.events.map(({ name }) => name)
    expect(events[0]).toBe('failed')
    expect(events.at(-1)).toBe('restarted')
    expect(restart.traceId).not.toBe(generation.traceId)
  })

  it('tell of a failure by the code of its error', async () => {
    await using collector = await startCollector()
    await using node = await tracedNode(collector, { 'engine.context': 16 })
    const response = await complete(
      node,
      {},
      { prompt: 'a b c d e f g h i j k l m n o p q r s t u v w x y z' },
    )
    expect(response.status).toBe(400)
    await response.text()
    await node.close()
    expect(named(collector.spans, 'text_completion tiny-llama')).toMatchObject({
      status: { code: 2 },
      attributes: { 'error.type': 'EXO_PROMPT_TOO_LONG' },
    })
    // By the conventions a fault of the caller is none of the server.
    expect(named(collector.spans, 'POST /v1/completions').status.code).not.toBe(2)
  })

  it('do not keep a node from its orderly end when the collector does not answer', async () => {
    const silent = createServer()
    await new Promise<void>(done => silent.listen(0, '127.0.0.1', done))
    const { port } = silent.address() as AddressInfo
    await using node = await testNode('attic', fixture, {
      flags: { 'tracing.endpoint': `http://127.0.0.1:${port}`, 'shutdown.flush': '500ms' },
    })
    for await (const _ of node.generate({ prompt: 'x', raw: true, maxTokens: 2 }));
    const reports = await node.close()
    expect(reports.map(({ name, outcome }) => [name, outcome])).toContainEqual(['flush', 'done'])
    silent.closeAllConnections()
    silent.close()
  })

  it('end when the reader leaves, and say so', async () => {
    await using collector = await startCollector()
    await using node = await tracedNode(collector)
    for await (const _ of node.generate({ prompt: 'x', raw: true, maxTokens: 100 })) break
    await node.close()
    const generation = named(collector.spans, 'text_completion tiny-llama')
    expect(generation.events.map(({ name }) => name)).toEqual(['the reader has left'])
    expect(generation.status.code).not.toBe(2)
    expect(named(collector.spans, 'decode').parentSpanId).toBe(generation.spanId)
  })

  it('are made for the part of the requests that is asked for, but always for restarts', async () => {
    await using collector = await startCollector()
    await using node = await tracedNode(collector, { 'tracing.sample': 0 })
    await (await complete(node)).text()
    const engine = engineOf(node)
    const restarted = new Promise<void>(done => {
      engine.subscribe(({ state, incarnation }) => {
        if (state === 'READY' && incarnation === 2) done()
      })
    })
    killProcess((await engine.ready()).pid)
    await restarted
    await node.close()
    const names = collector.spans.map(({ name }) => name)
    expect(names).toContain('restart inference')
    expect(names.filter(name => /POST|completion|decode/.test(name))).toEqual([])
  })
})
