import { ExovisorError, isExovisorError } from '../errors.ts'
import type { PlacedShard } from '../network/node-messages.ts'
import type { PeerClient, PeerMessage } from '../network/peer.ts'
import type { ResourceRef } from '../resources/types.ts'
import type { ShardHost } from './shard-host.ts'
import type { StageHost } from './stage-host.ts'

/** This node as a host of stages. */
export function localHost(options: {
  readonly id: string
  readonly name: string
  readonly memory: number
  readonly shards: ShardHost
}): StageHost {
  const { id, name, memory, shards } = options
  return {
    id,
    name,
    pid: process.pid,
    memory,
    place: (order, { signal }) => shards.place(order, signal),
    link: order => shards.link(order),
    release: order => shards.release(order),
  }
}

/** Loading layers takes its time; the node's own limits are shorter. */
const PLACE_TIMEOUT_MS = 130_000
const CALL_TIMEOUT_MS = 40_000

/**
 * A peer as a host of stages, or undefined while it is not READY: a DEGRADED peer gets no new work. Orders go to
 * the peer's actor as messages, one after the other.
 */
export function peerHost(ref: ResourceRef<PeerClient, PeerMessage>): StageHost | undefined {
  const { client } = ref
  if (ref.state !== 'READY' || !client) return undefined
  const { nodeId, name, pid, memoryBytes } = client.description
  return {
    id: nodeId,
    name,
    pid,
    memory: memoryBytes,
    async place({ layers: [firstLayer, endLayer], ...order }, { signal }) {
      const request = { ...order, firstLayer, endLayer }
      const held = await whileReady(ref, signal, limited =>
        ref.ask({ type: 'place-shard', request }, { signal: limited, timeout: PLACE_TIMEOUT_MS }),
      )
      const { tensorEndpoint: endpoint, enginePid, stepMs } = held as PlacedShard
      return { endpoint, enginePid, ...(stepMs !== undefined && { stepMs }) }
    },
    async link({ placement, epoch, next }, { signal }) {
      const request = { placement, epoch, nextEndpoint: next ?? '' }
      await whileReady(ref, signal, limited =>
        ref.ask({ type: 'link-stage', request }, { signal: limited, timeout: CALL_TIMEOUT_MS }),
      )
    },
    async release(request) {
      await ref.ask({ type: 'release-shard', request }, { timeout: CALL_TIMEOUT_MS })
    },
  }
}

/**
 * Runs a call to a peer, and gives it up as soon as the peer is no longer READY: a machine that was unplugged in
 * the middle of an answer must not hold the answer up until the deadline of the call.
 *
 * @throws EXO_PEER_UNREACHABLE when the peer left READY
 */
async function whileReady<Answer>(
  ref: ResourceRef<PeerClient, PeerMessage>,
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const limit = new AbortController()
  const abort = () => limit.abort(signal.reason)
  const leave = ref.subscribe(({ state }) => {
    if (state !== 'READY')
      limit.abort(new ExovisorError('EXO_PEER_UNREACHABLE', `${ref.name} became ${state}`))
  })
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    return await call(limit.signal)
  } catch (error) {
    throw isExovisorError(limit.signal.reason, 'EXO_PEER_UNREACHABLE') ? limit.signal.reason : error
  } finally {
    leave()
    signal.removeEventListener('abort', abort)
  }
}
