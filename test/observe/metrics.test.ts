import { afterEach, describe, expect, it } from 'vitest'
import { watchEventLoop } from '../../src/observe/event-loop.ts'
import { metricCatalogue } from '../../src/observe/metric-catalogue.ts'
import { createMetrics, type GenerationFacts, type Metrics } from '../../src/observe/metrics.ts'
import type { ServingMetrics } from '../../src/serving/serving-metrics.ts'

const opened: { close(): void }[] = []
afterEach(() => {
  for (const one of opened.splice(0)) one.close()
})

function open(): Metrics {
  const metrics = createMetrics()
  opened.push(metrics)
  return metrics
}

const generation: GenerationFacts = {
  model: 'builtin',
  outcome: 'stop',
  promptTokens: 5,
  completionTokens: 11,
  ttftMs: 30,
  durationMs: 130,
  failovers: 1,
}

/** A metrics that has seen everything once. */
function busy(): Metrics {
  const metrics = open()
  metrics.requestStarted()
  metrics.requestStarted()
  metrics.requestFinished({ method: 'POST', route: '/v1/completions', status: 200, durationMs: 130 })
  metrics.generationFinished(generation)
  metrics.supervisionEvent({ type: 'started', kind: 'peer', incarnation: 1 })
  metrics.supervisionEvent({ type: 'started', kind: 'peer', incarnation: 2 })
  metrics.supervisionEvent({ type: 'gave_up', kind: 'peer', incarnation: 2 })
  metrics.supervisionEvent({ type: 'escalated', kind: 'peer', incarnation: 2 })
  metrics.supervisionEvent({ type: 'dead_letter', kind: 'peer', incarnation: 2 })
  metrics.watch({
    resources: () => ({ peer: { READY: 2, ERROR: 1 } }),
    mailboxes: () => ({ peer: { waiting: 7, longest: 5 } }),
    processes: () => new Map([['node/inference', 4096]]),
    generations: () => ({ running: 2, waiting: 1 }),
    viewers: () => 3,
  })
  return metrics
}

const sampleOf = (text: string, sample: string): number | undefined => {
  const line = text.split('\n').find(each => each.startsWith(`${sample} `))
  return line === undefined ? undefined : Number(line.slice(sample.length + 1))
}

describe('the metrics', () => {
  it('are exactly those of the catalogue, with its types and texts', async () => {
    const text = await busy().render()
    const types = Object.fromEntries(
      [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]),
    )
    const helps = Object.fromEntries(
      [...text.matchAll(/^# HELP (\S+) (.+)$/gm)].map(([, name, help]) => [name, help]),
    )
    const entries = Object.entries(metricCatalogue)
    expect(types).toEqual(Object.fromEntries(entries.map(([name, { type }]) => [name, type])))
    expect(helps).toEqual(Object.fromEntries(entries.map(([name, { help }]) => [name, help])))
  })

  it('have only the labels of the catalogue', async () => {
    const text = await busy().render()
    for (const [name, { labels }] of Object.entries(metricCatalogue)) {
      const sample = new RegExp(`^${name}(?:_sum|_count|_total)?(?:\\{(.*?)\\})? `, 'm').exec(text)
      const found = [...(sample?.[1] ?? '').matchAll(/(\w+)="/g)].map(([, label]) => label)
      expect(found, name).toEqual([...labels])
    }
  })

  it('count requests, generations and their tokens', async () => {
    const text = await busy().render()
    expect(
      sampleOf(text, 'exovisor_requests_total{method="POST",route="/v1/completions",status="200"}'),
    ).toBe(1)
    expect(sampleOf(text, 'exovisor_requests_running')).toBe(1)
    expect(sampleOf(text, 'exovisor_request_duration_seconds_sum{route="/v1/completions"}')).toBe(0.13)
    expect(sampleOf(text, 'exovisor_generations_total{model="builtin",outcome="stop"}')).toBe(1)
    expect(sampleOf(text, 'exovisor_tokens_total{model="builtin",kind="prompt"}')).toBe(5)
    expect(sampleOf(text, 'exovisor_tokens_total{model="builtin",kind="completion"}')).toBe(11)
    expect(sampleOf(text, 'exovisor_failovers_total{model="builtin"}')).toBe(1)
    expect(
      sampleOf(text, 'gen_ai_server_time_to_first_token_seconds_sum{gen_ai_request_model="builtin"}'),
    ).toBe(0.03)
    expect(
      sampleOf(text, 'gen_ai_server_time_per_output_token_seconds_sum{gen_ai_request_model="builtin"}'),
    ).toBeCloseTo(0.01)
  })

  it('have no time for tokens that did not come', async () => {
    const metrics = open()
    metrics.generationFinished({ ...generation, outcome: 'failed', ttftMs: undefined, completionTokens: 0 })
    metrics.generationFinished({ ...generation, completionTokens: 1 })
    const text = await metrics.render()
    expect(
      sampleOf(text, 'gen_ai_server_time_to_first_token_seconds_count{gen_ai_request_model="builtin"}'),
    ).toBe(1)
    expect(text).not.toContain('gen_ai_server_time_per_output_token_seconds_count{')
  })

  it('count restarts, give-ups and dead letters out of the events of supervision', async () => {
    const text = await busy().render()
    expect(sampleOf(text, 'exovisor_restarts_total{kind="peer"}')).toBe(1)
    expect(sampleOf(text, 'exovisor_give_ups_total')).toBe(2)
    expect(sampleOf(text, 'exovisor_dead_letters_total{kind="peer"}')).toBe(1)
  })

  it('show the resources as they are when they are read, zeros included', async () => {
    const metrics = open()
    const peer: { READY: number; ERROR?: number } = { READY: 1 }
    const forget = metrics.watch({ resources: () => ({ peer }) })
    expect(sampleOf(await metrics.render(), 'exovisor_resources{kind="peer",state="ERROR"}')).toBe(0)
    peer.ERROR = 1
    const text = await metrics.render()
    expect(sampleOf(text, 'exovisor_resources{kind="peer",state="ERROR"}')).toBe(1)
    expect(sampleOf(text, 'exovisor_resources{kind="peer",state="READY"}')).toBe(1)
    forget()
    expect(await metrics.render()).not.toContain('exovisor_resources{')
  })

  it('show mailboxes by kind, processes by resource, and generations and viewers of all sources together', async () => {
    const metrics = busy()
    metrics.watch({ mailboxes: () => ({ peer: { waiting: 2, longest: 2 } }), viewers: () => 1 })
    const text = await metrics.render()
    expect(sampleOf(text, 'exovisor_mailbox_messages{kind="peer"}')).toBe(9)
    expect(sampleOf(text, 'exovisor_mailbox_longest_messages{kind="peer"}')).toBe(5)
    expect(sampleOf(text, 'exovisor_child_process_resident_memory_bytes{resource="node/inference"}')).toBe(
      4096,
    )
    expect(sampleOf(text, 'exovisor_generations_running')).toBe(2)
    expect(sampleOf(text, 'exovisor_generations_waiting')).toBe(1)
    expect(sampleOf(text, 'exovisor_viewers')).toBe(4)
  })

  it('give the 64 largest processes a value of their own and no more, so that a label stays bounded', async () => {
    const metrics = open()
    const processes = new Map(Array.from({ length: 100 }, (_, index) => [`node/p${index}`, index + 1]))
    metrics.watch({ processes: () => processes })
    const shown = (await metrics.render()).match(/^exovisor_child_process_\w+\{.*$/gm) ?? []
    expect(shown).toHaveLength(64)
    expect(shown.join('\n')).not.toContain('"node/p35"')
  })

  it('have figures of the moment: tokens of running generations, restarts, the median time to the first token', () => {
    const metrics = busy()
    expect(metrics.figures()).toEqual({ tokens: 0, restarts: 1, timeToFirstToken: undefined })
    for (const ttftMs of [40, 10, 20]) metrics.firstToken(ttftMs)
    metrics.token()
    expect(metrics.figures()).toEqual({ tokens: 1, restarts: 1, timeToFirstToken: 20 })
  })

  it('do not mix between two nodes of a process, and fit what the API wants', async () => {
    const first: ServingMetrics = busy()
    expect(first.contentType).toContain('text/plain')
    expect(await open().render()).not.toContain('route=')
    expect(sampleOf(await first.render(), 'process_resident_memory_bytes')).toBeGreaterThan(1e6)
    expect(sampleOf(await first.render(), 'process_cpu_seconds_total')).toBeGreaterThan(0)
  })
})

describe('the event loop watch', () => {
  it('tells how late its timer fired since it was asked before, and misses no delay', () => {
    const time: { at: number; fire(): void } = { at: 100, fire: () => undefined }
    const watch = watchEventLoop({
      now: () => time.at,
      every: (_milliseconds, fire) => {
        time.fire = fire
        return () => undefined
      },
    })
    expect(watch.take()).toEqual({ median: 0, p99: 0, longest: 0 })
    for (const passed of [20, 20, 20, 220]) {
      time.at += passed
      time.fire()
    }
    const { median, p99, longest } = watch.take()
    expect(median).toBeLessThan(1e-6)
    expect(p99).toBeCloseTo(0.2, 2)
    expect(longest).toBeCloseTo(0.2, 2)
    time.at += 520
    expect(watch.take().longest).toBe(0)
    time.fire()
    expect(watch.take().longest).toBeCloseTo(0.5, 2)
  })

  it('watches the real loop and stops', async () => {
    const watch = watchEventLoop()
    opened.push({ close: () => watch.stop() })
    const until = performance.now() + 60
    while (performance.now() < until);
    // The timer that the loop was kept from fires before any timer that is set now.
    await new Promise<void>(resolve => setTimeout(resolve, 1))
    expect(watch.take().longest).toBeGreaterThan(0.02)
  })
})
