import { describe, expect, it } from 'vitest'
import { peerHost } from '../../src/cluster/hosts.ts'
import type { ShardOrder } from '../../src/cluster/stage-host.ts'
import type { PeerClient, PeerMessage } from '../../src/network/peer.ts'
import type { LifecycleState, ResourceRef, StateChange } from '../../src/resources/types.ts'

const order: ShardOrder = {
  placement: 'p',
  owner: 'o',
  epoch: 3,
  model: 'builtin',
  fingerprint: 'f',
  layers: [2, 5],
  context: 64,
  slots: 4,
}

/** A peer that answers by `answer`, and whose state the test sets. */
function world(answer: (message: PeerMessage, signal: AbortSignal | undefined) => Promise<unknown>) {
  const listeners = new Set<(change: StateChange) => void>()
  const asked: PeerMessage[] = []
  let state: LifecycleState = 'READY'
  const ref = {
    name: 'peer:attic',
    get state() {
      return state
    },
    client: { description: { nodeId: 'n', name: 'attic', pid: 7, memoryBytes: 9 } },
    subscribe(listener: (change: StateChange) => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    ask(message: PeerMessage, { signal }: { signal?: AbortSignal }) {
      asked.push(message)
      return answer(message, signal)
    },
  } as unknown as ResourceRef<PeerClient, PeerMessage>
  const become = (next: LifecycleState) => {
    const previous = state
    state = next
    for (const listener of [...listeners]) listener({ state, previous, incarnation: 1 })
  }
  return { ref, asked, become, listeners }
}

const never = (_: PeerMessage, signal: AbortSignal | undefined) =>
  new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))

describe('a peer as a host of stages', () => {
  it('is there only while the peer is READY', () => {
    const { ref, become } = world(never)
    expect(peerHost(ref)).toMatchObject({ id: 'n', name: 'attic', pid: 7, memory: 9 })
    become('DEGRADED')
    expect(peerHost(ref)).toBeUndefined()
  })

  it('passes orders on as messages to the actor of the peer', async () => {
    const { ref, asked, listeners } = world(async () => ({
      tensorEndpoint: 'attic:1',
      enginePid: 8,
      incarnation: 1,
    }))
    const host = peerHost(ref)
    const { signal } = new AbortController()
    expect(await host?.place(order, { signal })).toEqual({ endpoint: 'attic:1', enginePid: 8 })
    await host?.link({ placement: 'p', epoch: 3, next: 'cellar:1' }, { signal })
    await host?.release({ placement: 'p', epoch: 3 })
    expect(asked).toMatchObject([
      { type: 'place-shard', request: { placement: 'p', epoch: 3, firstLayer: 2, endLayer: 5, owner: 'o' } },
      { type: 'link-stage', request: { placement: 'p', epoch: 3, nextEndpoint: 'cellar:1' } },
      { type: 'release-shard', request: { placement: 'p', epoch: 3 } },
    ])
    expect(listeners.size).toBe(0)
  })

  it('gives a call up as soon as the peer does not answer any more, long before its deadline', async () => {
    const { ref, become, listeners } = world(never)
    const placing = peerHost(ref)?.place(order, { signal: new AbortController().signal })
    become('DEGRADED')
    await expect(placing).rejects.toMatchObject({
      code: 'EXO_PEER_UNREACHABLE',
      message: 'peer:attic became DEGRADED',
    })
    expect(listeners.size).toBe(0)
  })

  it('gives a call up when the placement is given up', async () => {
    const abort = new AbortController()
    const placing = peerHost(world(never).ref)?.place(order, { signal: abort.signal })
    abort.abort(new Error('closed'))
    await expect(placing).rejects.toThrow('closed')
  })
})
