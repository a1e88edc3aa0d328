import { describe, expect, it } from 'vitest'
import { PeerGroup } from '../../src/cluster/peer-group.ts'
import { Background } from '../../src/concurrency/background.ts'
import { TaskRegistry } from '../../src/concurrency/task-registry.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import type { DiscoveredPeer, DiscoveryEvent } from '../../src/discovery/discovery.ts'
import { ExovisorError } from '../../src/errors.ts'
import { silentLog } from '../../src/resources/log.ts'
import type { LifecycleState, ResourceRef, StateChange } from '../../src/resources/types.ts'

const peer = (id: string, more: Partial<DiscoveredPeer> = {}): DiscoveredPeer => ({
  id,
  name: id,
  endpoint: '127.0.0.1:1',
  incarnation: 1,
  source: 'manual',
  ...more,
})

class FakeRef {
  state: LifecycleState = 'READY'
  #listeners = new Set<(change: StateChange) => void>()

  subscribe(listener: (change: StateChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  become(state: LifecycleState): void {
    const previous = this.state
    this.state = state
    for (const listener of this.#listeners) listener({ state, previous, incarnation: 1 })
  }
}

function world() {
  const clock = new VirtualClock()
  const calls: string[] = []
  const refusals = new Map<string, (error: Error) => void>()
  const refs = new Map<string, FakeRef>()
  const unreachable = new Set<string>()
  const silent = new Set<string>()
  const forgotten = new Set<string>()
  const tasks = new TaskRegistry(clock)
  let tell: (event: DiscoveryEvent) => void = () => {}
  const group = new PeerGroup<string, never>({
    path: 'node/peers',
    clock,
    log: silentLog,
    background: new Background({
      owner: 'test/peers',
      clock,
      registry: tasks,
      onFailure: error => {
        throw error
      },
    }),
    discovery: {
      subscribe(listener) {
        tell = listener
        return () => calls.push('unsubscribe')
      },
    },
    onRestarted: async ({ id, incarnation }) => void calls.push(`restarted ${id} ${incarnation}`),
    starter: {
      async start(name, { endpoint, id }) {
        calls.push(`start ${name} ${endpoint}`)
        if (unreachable.has(id)) throw new Error('nobody answers')
        if (silent.has(id)) await new Promise<void>((_, reject) => refusals.set(name, reject))
        const ref = new FakeRef()
        refs.set(name, ref)
        return ref as unknown as ResourceRef<string>
      },
      async stop(name) {
        calls.push(`stop ${name}`)
        refusals.get(name)?.(new Error('stopped'))
        if (forgotten.has(name)) throw new ExovisorError('EXO_CHILD_UNKNOWN', `no child ${name}`)
      },
    },
  })
  return {
    clock,
    tasks,
    calls,
    refs,
    unreachable,
    silent,
    forgotten,
    group,
    tell: (event: DiscoveryEvent) => tell(event),
  }
}

const found = (of: DiscoveredPeer): DiscoveryEvent => ({ type: 'found', peer: of })

describe('a peer group', () => {
  it('starts one resource for each peer that is found, and stops it when the peer is lost', async () => {
    const { clock, calls, group, tell } = world()
    tell(found(peer('attic')))
    tell(found(peer('attic')))
    await clock.advance(0)
    expect(group.ready()).toHaveLength(1)
    tell({ type: 'lost', id: 'attic', reason: 'silence' })
    await clock.advance(0)
    expect(calls).toEqual(['start peer:attic 127.0.0.1:1', 'stop peer:attic'])
    expect(group.ready()).toHaveLength(0)
  })

  it('starts a peer anew when it has restarted or moved', async () => {
    const { clock, calls, tell } = world()
    tell(found(peer('attic')))
    await clock.advance(0)
    tell({ type: 'changed', peer: peer('attic', { incarnation: 2, endpoint: '127.0.0.1:2' }) })
    await clock.advance(0)
    expect(calls).toEqual([
      'start peer:attic 127.0.0.1:1',
      'restarted attic 2',
      'stop peer:attic',
      'start peer:attic 127.0.0.1:2',
    ])
  })

  it('tries a peer that does not answer again, more and more seldom', async () => {
    const { clock, calls, unreachable, group, tell } = world()
    unreachable.add('attic')
    tell(found(peer('attic')))
    await clock.advance(3_600_000)
    expect(calls.length).toBeGreaterThan(100)
    expect(calls.length).toBeLessThan(140)
    unreachable.clear()
    await clock.advance(30_000)
    expect(group.ready()).toHaveLength(1)
  })

  it('leaves quick restarts to the supervisor for a minute, then only tries now and then', async () => {
    const { clock, calls, refs, unreachable, tell } = world()
    tell(found(peer('attic')))
    await clock.advance(0)
    unreachable.add('attic')
    for (let second = 0; second < 50; second += 10) {
      refs.get('peer:attic')?.become(second % 20 === 0 ? 'ERROR' : 'INITIALIZING')
      await clock.advance(10_000)
    }
    expect(calls).toHaveLength(1)
    await clock.advance(11_000)
    expect(calls.slice(1, 3)).toEqual(['stop peer:attic', 'start peer:attic 127.0.0.1:1'])
  })

  it('forgets its impatience when the peer is back in time', async () => {
    const { clock, calls, refs, tell } = world()
    tell(found(peer('attic')))
    await clock.advance(0)
    refs.get('peer:attic')?.become('ERROR')
    await clock.advance(50_000)
    refs.get('peer:attic')?.become('READY')
    await clock.advance(3_600_000)
    expect(calls).toHaveLength(1)
  })

  it('tells two nodes of one name apart', async () => {
    const { clock, calls, tell } = world()
    tell(found(peer('aaaaaaaa', { name: 'attic' })))
    tell(found(peer('bbbbbbbb', { name: 'attic' })))
    await clock.advance(0)
    expect(calls).toEqual(['start peer:attic 127.0.0.1:1', 'start peer:attic-bbbbbb 127.0.0.1:1'])
  })

  it('starts a peer again whose supervisor was restarted and has forgotten it', async () => {
    const { clock, calls, refs, forgotten, tell } = world()
    tell(found(peer('attic')))
    await clock.advance(0)
    forgotten.add('peer:attic')
    refs.get('peer:attic')?.become('CLOSED')
    await clock.advance(61_000)
    expect(calls.slice(1)).toEqual(['stop peer:attic', 'start peer:attic 127.0.0.1:1'])
  })

  it('is closed at once, also while a peer says nothing during its start', async () => {
    const { clock, calls, silent, group, tell } = world()
    silent.add('attic')
    tell(found(peer('attic')))
    await clock.advance(0)
    await group.close()
    expect(calls).toEqual(['start peer:attic 127.0.0.1:1', 'unsubscribe', 'stop peer:attic'])
    expect(clock.pending).toBe(0)
  })

  it('shows whom it connects to among the tasks, as long as it does', async () => {
    const { clock, tasks, silent, group, tell } = world()
    silent.add('attic')
    tell(found(peer('attic')))
    tell(found(peer('cellar')))
    await clock.advance(0)
    expect(tasks.list()).toMatchObject([{ name: 'connect to attic', owner: 'test/peers', state: 'running' }])
    await group.close()
    expect(tasks.size).toBe(0)
  })

  it('leaves no timer and no peer when it is closed', async () => {
    const { clock, calls, unreachable, group, tell } = world()
    unreachable.add('cellar')
    tell(found(peer('attic')))
    tell(found(peer('cellar')))
    await clock.advance(0)
    await group.close()
    expect(calls.slice(2)).toEqual(['unsubscribe', 'stop peer:cellar', 'stop peer:attic'])
    expect(clock.pending).toBe(0)
  })
})
