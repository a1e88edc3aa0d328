import { afterEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { writeAnnouncement } from '../../src/discovery/announcement.ts'
import { Cleanup } from '../network/links.ts'
import { Air } from './air.ts'

const cleanup = new Cleanup()
afterEach(() => cleanup.run())

function setUp() {
  const clock = new VirtualClock()
  const air = new Air(clock)
  const start = async (...args: Parameters<Air['node']>) => {
    const started = air.node(...args)
    cleanup.add(started.node, node => node.close())
    await started.node.start()
    return started
  }
  return { clock, air, start }
}

const id = (host: number) => String(host).padStart(32, '0')
const peer = (host: number, change: object = {}) => ({
  id: id(host),
  name: `node-${host}`,
  endpoint: `192.0.2.${host}:${5_000 + host}`,
  incarnation: 1,
  source: 'udp',
  ...change,
})

describe('a node that announces itself', () => {
  it('does so about each second for ten seconds, then in its interval, never twice in the same rhythm', async () => {
    const { clock, air, start } = setUp()
    await start(1)
    await clock.advance(60_000)
    const gaps = air.sent.slice(1).map(({ at }, index) => at - (air.sent[index]?.at ?? 0))
    const eager = gaps.slice(0, 8)
    const calm = gaps.slice(12)
    for (const gap of eager) expect(gap).toBeGreaterThanOrEqual(800)
    for (const gap of eager) expect(gap).toBeLessThanOrEqual(1_200)
    for (const gap of calm) expect(gap).toBeGreaterThanOrEqual(1_600)
    for (const gap of calm) expect(gap).toBeLessThanOrEqual(2_400)
    expect(new Set(gaps).size).toBe(gaps.length)
  })

  it('finds and is found by another within a quarter of a second, also when both have been there for long', async () => {
    const { clock, start } = setUp()
    const first = await start(1)
    await clock.advance(60_000)
    const second = await start(2)
    await clock.advance(250)
    expect(first.events).toEqual([{ type: 'found', peer: peer(2) }])
    expect(second.events).toEqual([{ type: 'found', peer: peer(1) }])
  })

  it('does not answer newcomers more often than ten times a second', async () => {
    const { clock, air, start } = setUp()
    await start(1)
    const before = air.sent.length
    for (let host = 2; host < 60; host += 1) {
      const self = { id: id(host), name: `node-${host}`, incarnation: 1, port: 80 }
      air.inject(
        writeAnnouncement({ ...self, sequence: 1, leave: false }, { namespace: 'test' }),
        `192.0.2.${host}`,
      )
      await clock.advance(10)
    }
    expect(air.sent.length - before).toBeLessThanOrEqual(7)
  })

  it('loses one that is silent for the timeout, and finds it again when it is back', async () => {
    const { clock, air, start } = setUp()
    const first = await start(1)
    const second = await start(2)
    await clock.advance(20_000)
    air.setNear(second.node, false)
    await clock.advance(7_000)
    expect(first.node.peers()).toHaveLength(1)
    await clock.advance(5_000)
    expect(first.events.slice(1)).toEqual([
      { type: 'lost', id: id(2), reason: expect.stringMatching(/^silent for 1\d{4} ms$/) },
    ])
    air.setNear(second.node, true)
    await clock.advance(2_500)
    expect(first.node.peers()).toEqual([peer(2)])
  })

  it('is lost at once when it closes', async () => {
    const { clock, start } = setUp()
    const first = await start(1)
    const second = await start(2)
    await clock.advance(1_000)
    await second.node.close()
    expect(first.events.at(-1)).toEqual({ type: 'lost', id: id(2), reason: 'it has taken leave' })
  })

  it('is the same peer, changed, after a restart with a higher incarnation', async () => {
    const { clock, air, start } = setUp()
    const first = await start(1)
    const second = await start(2)
    await clock.advance(5_000)
    air.setNear(second.node, false)
    await start(2, { self: { id: id(2), name: 'node-2', incarnation: 2, port: 7_777 } })
    await clock.advance(1_000)
    expect(first.events).toEqual([
      { type: 'found', peer: peer(2) },
      { type: 'changed', peer: peer(2, { incarnation: 2, endpoint: '192.0.2.2:7777' }) },
    ])
  })

  it('is heard again when only its discovery was restarted, although its incarnation is the same', async () => {
    const { clock, start } = setUp()
    const first = await start(1)
    const second = await start(2)
    await clock.advance(30_000)
    await second.node.close()
    await start(2)
    await clock.advance(100)
    expect(first.events.map(({ type }) => type)).toEqual(['found', 'lost', 'found'])
  })

  it('does not see nodes of another namespace on the same network, nor unsigned ones when it has a key', async () => {
    const { clock, start } = setUp()
    const home = await start(1)
    const other = await start(2, { scope: { namespace: 'other' } })
    const keyed = await start(3, { scope: { namespace: 'test', key: 'a long secret' } })
    await clock.advance(3_000)
    expect([home, other, keyed].map(({ node }) => node.peers().map(({ name }) => name))).toEqual([
      ['node-3'],
      [],
      [],
    ])
    expect(home.node.counters['foreign-namespace']).toBeGreaterThan(0)
    expect(keyed.node.counters.unsigned).toBeGreaterThan(0)
  })

  it('counts what it drops, by reason, and survives all of it', async () => {
    const { air, start, clock } = setUp()
    const { node } = await start(1, { rateLimits: { perSource: 20, total: 100, sources: 10 } })
    air.inject(Buffer.from('nonsense'), '192.0.2.66')
    air.inject(Buffer.from('{"v":9}'), '192.0.2.66')
    for (let copy = 0; copy < 40; copy += 1) air.inject(Buffer.from('{'), '192.0.2.66')
    await clock.advance(1)
    expect(node.counters).toMatchObject({ invalid: 19, 'newer-version': 1, flood: 22, own: 1 })
  })

  it('does not lose its peers because its own loop was stuck', async () => {
    const { clock, start } = setUp()
    const skew = { ms: 0 }
    const first = await start(1, {
      clock: {
        now: () => clock.now() + skew.ms,
        setTimeout: (fn, ms) => clock.setTimeout(fn, ms),
        clearTimeout: timer => clock.clearTimeout(timer),
        nextTurn: fn => clock.nextTurn(fn),
      },
    })
    await start(2)
    await clock.advance(15_000)
    skew.ms = 30_000
    await clock.advance(5_000)
    expect(first.events.map(({ type }) => type)).toEqual(['found'])
  })

  it('says when it can be heard nowhere, and when it can again', async () => {
    const { clock, start } = setUp()
    let interfaces = 1
    const path = {
      key: 'p',
      family: 4,
      address: '192.0.2.1',
      multicastInterface: '',
      group: '',
      name: 'eth0',
      prefix: 24,
    } as const
    const { node, reach } = await start(1, { paths: () => (interfaces > 0 ? [path] : []) })
    expect(() => node.check()).not.toThrow()
    interfaces = 0
    await clock.advance(5_000)
    expect(reach).toEqual([false])
    expect(() => node.check()).toThrow(expect.objectContaining({ code: 'EXO_HEALTH_CHECK_FAILED' }))
    interfaces = 1
    await clock.advance(5_000)
    expect(reach).toEqual([false, true])
  })

  it('leaves no timer behind', async () => {
    const { clock, air } = setUp()
    const { node } = air.node(1)
    await node.start()
    await node.close()
    expect(clock.pending).toBe(0)
  })
})
