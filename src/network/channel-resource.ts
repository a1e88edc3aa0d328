import { lifecycle } from '../../machines/lifecycle.ts'
import type { Clock } from '../concurrency/clock.ts'
import { limited } from '../concurrency/limit.ts'
import { ExovisorError } from '../errors.ts'
import { defineResource } from '../resources/define.ts'
import { Channel } from './channel.ts'
import type { ChannelAddresses } from './channel-addresses.ts'

/** What each channel of a pool gets. */
export interface ChannelInput {
  /** Shared by all channels of the pool. */
  readonly addresses: ChannelAddresses
  readonly key?: string
  readonly connectTimeoutMs: number
  readonly windowBytes: number
}

const addressesOf = new WeakMap<Channel, ChannelAddresses>()

/** Opens a channel and waits until it is connected. One that does not connect is closed again. */
async function open(
  endpoint: string,
  { addresses, connectTimeoutMs, key, windowBytes }: ChannelInput,
  clock: Clock,
  signal: AbortSignal,
): Promise<Channel> {
  const channel = new Channel({ endpoint, clock, windowBytes, ...(key !== undefined && { key }) })
  const timeoutError = () =>
    new ExovisorError('EXO_PEER_UNREACHABLE', `no connection to ${endpoint} in ${connectTimeoutMs} ms`)
  addresses.opened(endpoint)
  addressesOf.set(channel, addresses)
  try {
    await limited({ clock, timeout: connectTimeoutMs, timeoutError, signal }, inner =>
      channel.connected(inner),
    )
    return channel
  } catch (error) {
    close(channel)
    addresses.failed(endpoint)
    throw error
  }
}

function close(channel: Channel): void {
  addressesOf.get(channel)?.closed(channel.endpoint)
  channel.close()
}

function checkConnected(channel: Channel): void {
  if (channel.isConnected) return
  throw new ExovisorError('EXO_PEER_UNREACHABLE', `the connection to ${channel.endpoint} is lost`)
}

/**
 * One gRPC channel: READY while its connection is up. It does not reconnect by itself; the pool that it belongs to opens another,
 * to whichever address answers.
 */
export const channel = defineResource<ChannelInput, Channel>({
  kind: 'channel',
  machine: lifecycle,
  async initialize({ input, signal, self, clock }) {
    const failures: unknown[] = []
    for (const endpoint of input.addresses.order()) {
      try {
        const opened = await open(endpoint, input, clock, signal)
        opened.onLost(() =>
          self.fail(new ExovisorError('EXO_PEER_UNREACHABLE', `the connection to ${endpoint} is lost`)),
        )
        return opened
      } catch (error) {
        if (signal.aborted) throw error
        failures.push(error)
      }
    }
    if (failures.length === 1) throw failures[0]
    const reasons = failures.map(error => (error instanceof Error ? error.message : String(error)))
    throw new ExovisorError('EXO_PEER_UNREACHABLE', `no address answers: ${reasons.join('; ')}`, {
      cause: failures.at(-1),
    })
  },
  async checkHealth(client) {
    checkConnected(client)
  },
  async cleanup(client) {
    if (client) close(client)
  },
})
