import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createResource } from '../../src/resources/create.ts'
import { scripted } from './scripted.ts'

const health = { interval: 100, timeout: 10, failures: 3, of: 5 }

async function watched(results: string, options: Partial<Parameters<typeof scripted>[0]> = {}) {
  const clock = new VirtualClock()
  let checks = 0
  const made = scripted({
    check: async () => {
      const result = results[checks]
      checks += 1
      if (result === 'x') throw new Error('no answer')
    },
    ...options,
  })
  const resource = createResource(made.definition, { name: 'a', input: {}, clock, health })
  await resource.initialize()
  return { clock, resource, checks: () => checks, life: made.lives[0]! }
}

/** The state after each health check. */
async function states(results: string): Promise<readonly string[]> {
  const { clock, resource } = await watched(results)
  const seen: string[] = []
  for (const _ of results) {
    await clock.advance(health.interval)
    seen.push(resource.state)
  }
  return seen
}

describe('health checks', () => {
  it('make a resource DEGRADED at the third failure among the last five, not before', async () => {
    expect(await states('x.x.x')).toEqual(['READY', 'READY', 'READY', 'READY', 'DEGRADED'])
    expect(await states('xx..x')).toEqual(['READY', 'READY', 'READY', 'READY', 'DEGRADED'])
    expect(await states('xx...x')).toEqual(Array.from({ length: 6 }, () => 'READY'))
  })

  it('bring it back to READY after as many good ones in a row as bad ones make it DEGRADED', async () => {
    expect(await states('xxx...')).toEqual(['READY', 'READY', 'DEGRADED', 'DEGRADED', 'DEGRADED', 'READY'])
    expect(await states('xxx.x...')).toEqual([
      'READY',
      'READY',
      'DEGRADED',
      'DEGRADED',
      'DEGRADED',
      'DEGRADED',
      'DEGRADED',
      'READY',
    ])
  })

  it('that fail every other time make it DEGRADED once: it does not come and go', async () => {
    const seen = await states('x.x.x.x.x.x.x.')
    expect(seen).toEqual([...Array(4).fill('READY'), ...Array(10).fill('DEGRADED')])
  })

  it('say how many failed, and with what', async () => {
    const { clock, resource } = await watched('xxx')
    await clock.advance(300)
    expect(resource.lastError).toMatchObject({
      code: 'EXO_HEALTH_CHECK_FAILED',
      message: 'scripted "a": 3 of the last 3 health checks failed, the last with: no answer',
      causes: ['no answer'],
    })
  })

  it('count as failed when they take too long, and their signal is aborted', async () => {
    const signals: AbortSignal[] = []
    const check = (signal: AbortSignal) => {
      signals.push(signal)
      return new Promise<void>(() => undefined)
    }
    const { clock, resource } = await watched('', { check })
    await clock.advance(3 * (health.interval + health.timeout))
    expect(resource.state).toBe('DEGRADED')
    expect(signals.map(signal => signal.aborted)).toEqual([true, true, true])
    expect(resource.lastError?.message).toMatch(
      /the last with: a health check of scripted "a" took longer than 10 ms$/,
    )
  })

  it('also bring back a resource that somebody else called degraded: his word counts as three failed checks', async () => {
    const { clock, resource } = await watched('........')
    resource.degrade('bad answers')
    expect(resource.state).toBe('DEGRADED')
    await clock.advance(2 * health.interval)
    expect(resource.state).toBe('DEGRADED')
    await clock.advance(health.interval)
    expect(resource.state).toBe('READY')
  })

  it('begin again with an empty window when the resource says itself that it has recovered', async () => {
    const { clock, resource, life } = await watched('xxxxx')
    await clock.advance(300)
    life.self.recovered()
    await clock.advance(200)
    expect(resource.state).toBe('READY')
  })

  it('end with the resource, also one that is under way', async () => {
    let aborted = 0
    const check = (signal: AbortSignal) =>
      new Promise<void>(() => signal.addEventListener('abort', () => (aborted += 1)))
    const { clock, resource } = await watched('', { check })
    await clock.advance(health.interval)
    await resource.close()
    expect(aborted).toBe(1)
    expect(clock.pending).toBe(0)
  })

  it('are counted in what an inspector sees', async () => {
    const { clock, resource } = await watched('x.x')
    const facts: unknown[] = []
    resource.inspect(event => {
      if (event.type === '@xstate.snapshot' && 'context' in event.snapshot) facts.push(event.snapshot.context)
    })
    await clock.advance(300)
    expect(facts.at(-1)).toMatchObject({ health: { checks: 3, failed: 2 } })
  })
})
