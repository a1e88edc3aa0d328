import { describe, expect, it } from 'vitest'
import type { Announcement } from '../../src/discovery/announcement.ts'
import type { DiscoveryEvent } from '../../src/discovery/discovery.ts'
import { emptyTable, expire, forgive, hear, type Ignored } from '../../src/discovery/peer-table.ts'

const options = { self: 'me', timeout: 10_000, capacity: 3 }

/** A table that is fed step by step. */
class Fed {
  table = emptyTable
  ignored: Ignored | undefined

  hear(change: Partial<Announcement>, now = 0, source = '192.0.2.7'): readonly DiscoveryEvent[] {
    const announcement = {
      id: 'a',
      name: 'attic',
      incarnation: 1,
      sequence: 1,
      port: 50,
      leave: false,
      ...change,
    }
    const step = hear(this.table, announcement, source, now, options)
    this.table = step.table
    this.ignored = step.ignored
    return step.events
  }

  expire(now: number): readonly DiscoveryEvent[] {
    const step = expire(this.table, now, options)
    this.table = step.table
    return step.events
  }
}

const found = (change: object = {}) => ({
  type: 'found',
  peer: { id: 'a', name: 'attic', endpoint: '192.0.2.7:50', incarnation: 1, source: 'udp', ...change },
})
const changed = (change: object) => ({ ...found(change), type: 'changed' })

describe('the table of peers', () => {
  it('finds a node at the source of its datagram and its announced port, and then is quiet', () => {
    const fed = new Fed()
    expect(fed.hear({})).toEqual([found()])
    expect(fed.hear({ sequence: 2 })).toEqual([])
    expect(fed.ignored).toBeUndefined()
  })

  it('puts IPv6 addresses in brackets, with their zone', () => {
    expect(new Fed().hear({}, 0, 'fe80::1%eth0')).toEqual([found({ endpoint: '[fe80::1%eth0]:50' })])
  })

  it('ignores what this node announces itself', () => {
    const fed = new Fed()
    expect(fed.hear({ id: 'me' })).toEqual([])
    expect(fed.ignored).toBe('own')
  })

  it('ignores announcements that were heard already or come too late', () => {
    const fed = new Fed()
    fed.hear({ sequence: 5 })
    for (const sequence of [5, 4]) {
      fed.hear({ sequence, port: 66 })
      expect(fed.ignored).toBe('replayed')
    }
    fed.hear({ sequence: 4 }, 0, '192.0.2.8')
    expect(fed.ignored).toBe('replayed')
  })

  it('takes a restart for a change of the same node, and no longer believes its earlier life', () => {
    const fed = new Fed()
    fed.hear({ sequence: 70 })
    expect(fed.hear({ incarnation: 2, sequence: 1, port: 51 })).toEqual([
      changed({ incarnation: 2, endpoint: '192.0.2.7:51' }),
    ])
    fed.hear({ incarnation: 1, sequence: 71 })
    expect(fed.ignored).toBe('older-incarnation')
    expect(fed.table.peers.size).toBe(1)
  })

  it('tells when a node has a new name or port', () => {
    const fed = new Fed()
    fed.hear({})
    expect(fed.hear({ sequence: 2, port: 99, name: 'loft' })).toEqual([
      changed({ endpoint: '192.0.2.7:99', name: 'loft' }),
    ])
  })

  it('loses a node after the timeout, and finds it again when it goes on', () => {
    const fed = new Fed()
    fed.hear({}, 1_000)
    expect(fed.expire(10_999)).toEqual([])
    expect(fed.expire(11_000)).toEqual([{ type: 'lost', id: 'a', reason: 'silent for 10000 ms' }])
    expect(fed.hear({ sequence: 2 }, 12_000)).toEqual([found()])
  })

  it('loses a node that takes leave at once, over however many networks it says so', () => {
    const fed = new Fed()
    fed.hear({})
    expect(fed.hear({ sequence: 2, leave: true })).toEqual([
      { type: 'lost', id: 'a', reason: 'it has taken leave' },
    ])
    expect(fed.hear({ sequence: 2, leave: true }, 0, '192.0.2.8')).toEqual([])
    expect(fed.hear({ id: 'b', leave: true })).toEqual([])
    expect(fed.ignored).toBe('unknown-leaves')
  })

  it('is not brought back by an announcement from before the end, but by a later one', () => {
    const fed = new Fed()
    fed.hear({ incarnation: 4, sequence: 8 })
    fed.hear({ incarnation: 4, sequence: 9, leave: true })
    expect(fed.hear({ incarnation: 4, sequence: 8 })).toEqual([])
    expect(fed.hear({ incarnation: 3, sequence: 100 })).toEqual([])
    expect(fed.hear({ incarnation: 4, sequence: 10 })).toEqual([found({ incarnation: 4 })])
  })

  it('forgets the dead after some time', () => {
    const fed = new Fed()
    fed.hear({})
    fed.expire(10_000)
    expect(fed.table.gone.size).toBe(1)
    fed.expire(70_000)
    expect(fed.table).toEqual(emptyTable)
  })

  it('stays with one address while a node is heard over several networks', () => {
    const fed = new Fed()
    fed.hear({ sequence: 1 }, 0, '192.0.2.7')
    for (let sequence = 1; sequence < 20; sequence += 1) {
      const now = sequence * 1_000
      expect(fed.hear({ sequence }, now, '198.51.100.7')).toEqual([])
      expect(fed.hear({ sequence }, now, 'fe80::7%eth0')).toEqual([])
      if (sequence > 1) expect(fed.hear({ sequence }, now, '192.0.2.7')).toEqual([])
    }
  })

  it('changes to another address when the one in use is silent', () => {
    const fed = new Fed()
    fed.hear({ sequence: 1 }, 0, '192.0.2.7')
    const events = [1, 2, 3, 4, 5, 6].flatMap(sequence =>
      fed.hear({ sequence }, sequence * 1_000, '198.51.100.7'),
    )
    expect(events).toEqual([changed({ endpoint: '198.51.100.7:50' })])
    expect(fed.expire(9_000)).toEqual([])
  })

  it('prefers IPv4 to IPv6, and both to loopback', () => {
    const fed = new Fed()
    const sources = ['127.0.0.1', 'fe80::7%eth0', '192.0.2.7', 'fe80::7%eth0', '127.0.0.1']
    const events = sources.flatMap((source, index) => fed.hear({ sequence: index + 1 }, index, source))
    expect(events).toEqual([
      found({ endpoint: '127.0.0.1:50' }),
      changed({ endpoint: '[fe80::7%eth0]:50' }),
      changed({ endpoint: '192.0.2.7:50' }),
    ])
  })

  it('holds no more nodes than it may, and no more addresses of one than eight', () => {
    const fed = new Fed()
    for (const id of ['a', 'b', 'c', 'd']) fed.hear({ id })
    expect(fed.ignored).toBe('table-full')
    expect([...fed.table.peers.keys()]).toEqual(['a', 'b', 'c'])
    for (let host = 1; host < 50; host += 1) fed.hear({ sequence: 2 }, 0, `192.0.2.${host}`)
    expect(fed.table.peers.get('a')?.paths).toHaveLength(8)
  })

  it('can take back silence, without making anybody heard in the future', () => {
    const fed = new Fed()
    fed.hear({}, 0)
    fed.table = forgive(fed.table, 8_000, 9_000)
    expect(fed.expire(17_999)).toEqual([])
    fed.table = forgive(fed.table, 90_000, 17_999)
    expect(fed.expire(27_998)).toEqual([])
    expect(fed.expire(27_999)).toHaveLength(1)
  })
})
