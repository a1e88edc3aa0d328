import { SpanStatusCode } from '@opentelemetry/api'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { describe, expect, it } from 'vitest'
import { RestartSpans } from '../../../src/observe/tracing/restart-spans.ts'
import type { SupervisionEvent } from '../../../src/supervision/events/types.ts'

function watch() {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  const restarts = new RestartSpans(provider.getTracer('test'))
  const tell = (type: SupervisionEvent['type'], more: Partial<SupervisionEvent> = {}) =>
    restarts.take({
      type,
      at: 0,
      supervisor: 'node/peers',
      name: 'peer:attic',
      kind: 'peer',
      incarnation: 1,
      attempt: 0,
      window: { used: 0, limit: 5, within: 1 },
      ...more,
    })
  return { restarts, tell, spans: () => exporter.getFinishedSpans() }
}

const lost = { code: 'EXO_PEER_UNREACHABLE', message: 'gone' } as const

describe('the spans of restarts', () => {
  it('go from the failure to the successor, with what the supervisor did in between', () => {
    const { tell, spans } = watch()
    tell('started')
    tell('ready')
    tell('failed', { error: lost })
    tell('child_terminated')
    tell('backoff_scheduled', { delay: 200, attempt: 1 })
    tell('started', { incarnation: 2 })
    tell('ready', { incarnation: 2 })
    expect(spans()).toEqual([])
    tell('restarted', { incarnation: 2 })
    const [span] = spans()
    expect(span).toMatchObject({
      name: 'restart peer',
      status: { code: SpanStatusCode.UNSET },
      attributes: {
        'exovisor.resource.path': 'node/peers/peer:attic',
        'exovisor.resource.incarnation': 1,
        'error.type': 'EXO_PEER_UNREACHABLE',
      },
    })
    expect(span?.events.map(({ name }) => name)).toEqual([
      'failed',
      'child_terminated',
      'backoff_scheduled',
      'started',
      'ready',
      'restarted',
    ])
    expect(span?.events[2]?.attributes).toMatchObject({ 'exovisor.restart.delay_ms': 200 })
  })

  it.each(['gave_up', 'escalated', 'circuit_opened', 'stopped'] as const)(
    'fail when no successor comes: %s',
    type => {
      const { tell, spans } = watch()
      tell('failed', { error: lost })
      tell(type)
      tell('ready')
      expect(spans().map(({ status }) => status.code)).toEqual([SpanStatusCode.ERROR])
    },
  )

  it('are none for what is closed and never failed', () => {
    const { restarts, tell, spans } = watch()
    for (const type of ['started', 'ready', 'degraded', 'recovered', 'child_terminated', 'stopped'] as const)
      tell(type)
    restarts.close()
    expect(spans()).toEqual([])
  })

  it('are at most a thousand at a time, and all of them end with the node', () => {
    const { restarts, tell, spans } = watch()
    for (let index = 0; index < 3_000; index += 1) tell('failed', { name: `peer:${index}`, error: lost })
    restarts.close()
    restarts.close()
    expect(spans()).toHaveLength(1_000)
  })
})
