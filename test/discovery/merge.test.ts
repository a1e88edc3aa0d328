import { afterEach, describe, expect, it } from 'vitest'
import { lifecycle } from '../../machines/lifecycle.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import type { DiscoveredPeer, DiscoveryEvent } from '../../src/discovery/discovery.ts'
import { type DiscoverySource, mergeDiscovery } from '../../src/discovery/merge.ts'
import { PeerFeed } from '../../src/discovery/peer-feed.ts'
import { provisionalId } from '../../src/network/provisional-id.ts'
import { defineResource } from '../../src/resources/define.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import { Cleanup } from '../network/links.ts'
import { inState } from '../network/nodes.ts'

const cleanup = new Cleanup()
afterEach(() => cleanup.run())

const udp = (id: string, change: Partial<DiscoveredPeer> = {}): DiscoveredPeer => ({
  id,
  name: `${id}-name`,
  endpoint: `${id}:1`,
  incarnation: 5,
  source: 'udp',
  ...change,
})
const manual = (id: string, change: Partial<DiscoveredPeer> = {}) =>
  udp(id, { source: 'manual', incarnation: 0, ...change })

function merge(sources: readonly DiscoverySource[], clock = new VirtualClock()) {
  const merged = cleanup.add(mergeDiscovery(sources, { clock, hold: 10_000 }), ({ close }) => close())
  const events: DiscoveryEvent[] = []
  merged.subscribe(event => events.push(event))
  return { merged, events }
}

describe('merged discovery', () => {
  it('tells of what all sources know, and replays it to whoever comes later', () => {
    const [a, b] = [new PeerFeed(), new PeerFeed()]
    a.put(udp('x'))
    const { merged, events } = merge([a, b])
    b.put(manual('y'))
    expect(events).toEqual([
      { type: 'found', peer: udp('x') },
      { type: 'found', peer: manual('y') },
    ])
    const late: DiscoveryEvent[] = []
    merged.subscribe(event => late.push(event))()
    expect(late).toEqual(events)
    a.remove('x', 'gone')
    expect(events.at(-1)).toEqual({ type: 'lost', id: 'x', reason: 'gone' })
    expect(late).toHaveLength(2)
  })

  it('takes a node of two sources for one: the listed endpoint and the higher incarnation count, and it is lost when both lose it', () => {
    const [a, b] = [new PeerFeed(), new PeerFeed()]
    const { events } = merge([a, b])
    a.put(udp('x'))
    b.put(manual('x', { endpoint: 'far:9' }))
    a.remove('x', 'silent')
    b.remove('x', 'unlisted')
    expect(events).toEqual([
      { type: 'found', peer: udp('x') },
      { type: 'changed', peer: manual('x', { endpoint: 'far:9', incarnation: 5 }) },
      { type: 'changed', peer: manual('x', { endpoint: 'far:9' }) },
      { type: 'lost', id: 'x', reason: 'unlisted' },
    ])
  })

  it('takes a node that is listed by its endpoint alone for the one that is found there', () => {
    const [a, b] = [new PeerFeed(), new PeerFeed()]
    const listed = manual(provisionalId('x:1'), { endpoint: 'x:1' })
    b.put(listed)
    const { merged } = merge([a, b])
    expect(merged.peers()).toEqual([listed])
    a.put(udp('x'))
    expect(merged.peers()).toEqual([udp('x')])
    a.remove('x', 'silent')
    expect(merged.peers()).toEqual([listed])
  })

  it('listens no longer once it is closed', () => {
    const a = new PeerFeed()
    const { merged, events } = merge([a])
    merged.close()
    a.put(udp('x'))
    expect(events).toEqual([])
  })
})

describe('a source that restarts', () => {
  it('does not make its nodes vanish, unless it does not find them again', async () => {
    const clock = new VirtualClock()
    const feeds: PeerFeed[] = []
    const source = defineResource<object, PeerFeed>({
      kind: 'discovery',
      machine: lifecycle,
      async initialize() {
        const feed = new PeerFeed()
        feeds.push(feed)
        return feed
      },
    })
    const root = cleanup.add(
      await supervise({ children: [{ id: 'source', resource: source, input: {} }], clock }),
      supervisor => supervisor.close(),
    )
    const ref = root.ref(source, 'source')
    const { merged, events } = merge([ref], clock)
    feeds[0]?.put(udp('x'))
    feeds[0]?.put(udp('y'))
    ref.fail(new Error('cable cut'))
    await inState(ref, 'CLOSED')
    expect(merged.peers()).toHaveLength(2)
    await Promise.all([inState(ref, 'READY'), clock.advance(2_000)])
    feeds[1]?.put(udp('x', { incarnation: 6 }))
    await clock.advance(10_000)
    expect(events.slice(2)).toEqual([
      { type: 'changed', peer: udp('x', { incarnation: 6 }) },
      { type: 'lost', id: 'y', reason: 'its source was restarted and did not find it again' },
    ])
  })
})
