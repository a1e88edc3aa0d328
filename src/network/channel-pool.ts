import { ExovisorError } from '../errors.ts'
import { defineResource } from '../resources/define.ts'
import { type OwnedPool, type PoolSurroundings, startPool } from '../resources/pool/create-pool.ts'
import type { PoolOptions } from '../resources/pool/options.ts'
import { poolResource } from '../resources/pool/pool-resource.ts'
import type { Pool } from '../resources/pool/types.ts'
import type { ResourceDefinition } from '../resources/types.ts'
import type { Channel } from './channel.ts'
import { ChannelAddresses } from './channel-addresses.ts'
import { channel } from './channel-resource.ts'
import { parseEndpoint } from './endpoint.ts'
import { TENSOR_WINDOW_BYTES } from './receive-window.ts'

/** Where the channels of a pool lead, and how the pool is kept. */
export interface ChannelPoolInput extends PoolOptions<Channel> {
  /** `host:port` of servers that offer the same; at most 1000. The channels spread over those that answer. */
  readonly endpoints: readonly string[]
  /** Secret to show. */
  readonly key?: string
  /** Milliseconds that connecting to one address may take. Default: 5000. */
  readonly connectTimeoutMs?: number
  /** Bytes that a server may send on one connection before it has to wait for an answer. Default: 16 MiB. */
  readonly windowBytes?: number
}

const CONNECT_TIMEOUT_MS = 5_000
const MOST_ENDPOINTS = 1_000
const SMALLEST_WINDOW = 65_535
const LARGEST_WINDOW = 2 ** 31 - 1

function refuse(name: string, option: string, value: unknown, expected: string): never {
  throw new ExovisorError(
    'EXO_POOL_INVALID',
    `channel pool ${JSON.stringify(name)}: ${option} is ${String(value)}, expected ${expected}`,
    { details: { faults: [{ option, value, expected }] } },
  )
}

function checkInput(name: string, { endpoints, connectTimeoutMs, windowBytes }: ChannelPoolInput): void {
  const count = Array.isArray(endpoints) ? endpoints.length : Number.NaN
  if (!(count >= 1 && count <= MOST_ENDPOINTS))
    refuse(name, 'endpoints', endpoints, `1 to ${MOST_ENDPOINTS} addresses`)
  for (const endpoint of endpoints) {
    if (typeof endpoint !== 'string') refuse(name, 'endpoints', JSON.stringify(endpoint), 'host:port')
    parseEndpoint(endpoint)
  }
  if (connectTimeoutMs !== undefined && !(connectTimeoutMs >= 1))
    refuse(name, 'connectTimeoutMs', connectTimeoutMs, 'a number of milliseconds, at least 1')
  const isWindow = Number.isInteger(windowBytes) && Number(windowBytes) >= SMALLEST_WINDOW
  if (windowBytes !== undefined && !(isWindow && windowBytes <= LARGEST_WINDOW))
    refuse(name, 'windowBytes', windowBytes, `a whole number from ${SMALLEST_WINDOW} to ${LARGEST_WINDOW}`)
}

/** Called before anything is checked. */
function nameOf({ endpoints }: Partial<ChannelPoolInput>): string {
  const [first, second, ...others] = [endpoints ?? []].flat()
  if (second === undefined) return String(first ?? 'no address')
  return others.length === 0 ? `${first}, ${second}` : `${first} and ${others.length + 1} more`
}

const channels = poolResource(channel)

/**
 * A pool of gRPC channels as a resource. A channel is fit to be lent while its connection is up; one that is lost is replaced, by
 * one to the address that has the fewest channels among those that answer.
 *
 * @example
 * await using root = await supervise({
 *   children: [{ id: 'nodes', resource: channelPool, input: { endpoints: ['10.0.0.7:50051', '10.0.0.8:50051'], max: 4 } }],
 * })
 * const nodes = await root.ref(channelPool, 'nodes').ready()
 * const answer = await nodes.use(channel => channel.call(method, request, { timeoutMs: 2_000 }))
 *
 * @throws EXO_POOL_INVALID or EXO_REQUEST_INVALID, when it starts, for wrong options or addresses; EXO_PEER_UNREACHABLE, when it
 *   starts or a channel is borrowed, when no address answers
 */
export const channelPool: ResourceDefinition<ChannelPoolInput, Pool<Channel>> = defineResource<
  ChannelPoolInput,
  Pool<Channel>
>({
  ...channels,
  kind: 'channel-pool',
  displayName: nameOf,
  async initialize(context) {
    const { input, clock, self } = context
    checkInput(self.name, input)
    const { endpoints, key, connectTimeoutMs, windowBytes, ...options } = input
    const each = {
      addresses: new ChannelAddresses(endpoints, clock),
      connectTimeoutMs: connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      windowBytes: windowBytes ?? TENSOR_WINDOW_BYTES,
      ...(key !== undefined && { key }),
    }
    return channels.initialize({ ...context, input: { ...options, input: each } })
  },
})

/**
 * Starts a pool of gRPC channels without a supervisor, and resolves when it holds `min` of them.
 *
 * @example
 * await using pool = await createChannelPool({ endpoints: ['127.0.0.1:50051'], max: 4 })
 * await using lease = await pool.acquire({ timeout: 2_000 })
 * const stub = new GreeterClient(lease.client.endpoint, credentials, { channelOverride: lease.client.client.getChannel() })
 *
 * @throws as {@link channelPool} says
 */
export function createChannelPool(options: ChannelPoolInput & PoolSurroundings): Promise<OwnedPool<Channel>> {
  return startPool(channelPool, options)
}
