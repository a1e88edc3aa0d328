import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { startTracing } from '../../../src/observe/tracing/start-tracing.ts'
import { noTracing, type Tracing } from '../../../src/observe/tracing/tracing.ts'
import { type ResourceLog, silentLog } from '../../../src/resources/log.ts'
import { startCollector } from './collector.ts'

const fixture = resolve(import.meta.dirname, '../../fixtures/tiny-llama')
const opened: Tracing[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

async function open(endpoint: string | undefined, log: ResourceLog = silentLog, closeWithin = 2_000) {
  const tracing = await startTracing({ endpoint, sample: 1, attributes: {}, closeWithin, log })
  opened.push(tracing)
  return tracing
}

function recordingLog() {
  const lines: string[] = []
  const note = (facts: object, message: string) => void lines.push(`${message} ${JSON.stringify(facts)}`)
  const log: ResourceLog = { debug: note, info: note, warn: note, error: note }
  return { log, lines }
}

function spans(tracing: Tracing, count: number): void {
  for (let index = 0; index < count; index += 1) tracing.tracer.startSpan(`span ${index}`).end()
}

/** The modules of OpenTelemetry's SDK that a process has loaded which spawned and closed a node. */
function sdkModules(flags: Readonly<Record<string, unknown>>): string[] {
  const url = (path: string) => pathToFileURL(resolve(import.meta.dirname, '../../..', path)).href
  const script = `
    import { registerHooks } from 'node:module'
    const loaded = new Set()
    registerHooks({ load(url, context, next) { loaded.add(url); return next(url, context) } })
    const { spawnNode } = await import(${JSON.stringify(url('src/node.ts'))})
    const { silentLog } = await import(${JSON.stringify(url('src/resources/log.ts'))})
    const flags = ${JSON.stringify({ model: fixture, 'api.enabled': false, 'discovery.udp.enabled': false, ...flags })}
    const node = await spawnNode({ env: {}, logger: () => silentLog, flags })
    await node.close()
    console.log(JSON.stringify([...loaded].filter(each => each.includes('@opentelemetry/'))))
    process.exit(0)`
  const run = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const loaded = JSON.parse(run) as string[]
  expect(loaded.length).toBeGreaterThan(0)
  return loaded.filter(each => !each.includes('@opentelemetry/api/'))
}

describe('tracing', () => {
  it('loads nothing of the SDK in a node without an endpoint, and all of it in one that has one', () => {
    expect(sdkModules({})).toEqual([])
    const some = sdkModules({ 'tracing.endpoint': 'http://127.0.0.1:1' }).join('\n')
    expect(some).toContain('@opentelemetry/sdk-trace/')
    expect(some).toContain('@opentelemetry/exporter-trace-otlp-http/')
  })

  it('makes no spans without an endpoint', async () => {
    const tracing = await open(undefined)
    expect(tracing).toBe(noTracing)
    expect(tracing.tracer.startSpan('x').isRecording()).toBe(false)
  })

  it('sends to the path that the endpoint names', async () => {
    await using collector = await startCollector()
    const tracing = await open(`${collector.url}/otlp/traces?tenant=a`)
    spans(tracing, 1)
    await tracing.close()
    expect([...collector.paths]).toEqual(['/otlp/traces?tenant=a'])
    expect(collector.spans.map(({ name }) => name)).toEqual(['span 0'])
  })

  it('cuts long values, so that no span is large', async () => {
    await using collector = await startCollector()
    const tracing = await open(collector.url)
    tracing.tracer.startSpan('x', { attributes: { text: 'a'.repeat(100_000) } }).end()
    await tracing.close()
    expect(String(collector.spans[0]?.attributes['text'])).toHaveLength(1_000)
  })

  it('keeps at most 2,048 spans for a collector that does not take them', async () => {
    await using collector = await startCollector()
    collector.status = 400
    const { log, lines } = recordingLog()
    const tracing = await open(collector.url, log)
    spans(tracing, 20_000)
    await tracing.close()
    // One batch was on its way when the queue was full.
    expect(collector.requests).toBeLessThanOrEqual(1 + 2_048 / 512)
    expect(lines).toEqual([expect.stringContaining('spans cannot be sent')])
  })

  it('never shows the secrets of its URL in the log', async () => {
    await using collector = await startCollector()
    collector.status = 400
    const { log, lines } = recordingLog()
    const url = collector.url.replace('http://', 'http://user:hunter2@')
    const tracing = await open(`${url}/v1/traces?key=hunter2`, log)
    spans(tracing, 1)
    await tracing.close()
    expect(lines).toEqual([expect.stringContaining(`${collector.url}/v1/traces`)])
    expect(lines.join('')).not.toContain('hunter2')
  })

  it('ends in time when the collector takes connections and never answers', async () => {
    const sockets: Socket[] = []
    const silent = createServer(socket => void sockets.push(socket.resume()))
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const tracing = await open(`http://127.0.0.1:${port}`, silentLog, 50)
    spans(tracing, 3)
    const asked = once(silent, 'connection')
    await Promise.all([tracing.close(), asked])
    // The request is still under way: nobody waited for its end. The server would have seen that before another connection.
    const another = connect(port, '127.0.0.1')
    await once(silent, 'connection')
    expect(sockets.map(({ readableEnded }) => readableEnded)).toEqual([false, false])
    for (const socket of [another, ...sockets]) socket.destroy()
    silent.close()
  })
})
