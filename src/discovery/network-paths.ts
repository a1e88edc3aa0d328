import { BlockList, isIPv4 } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'
import { isLoopback } from '../network/endpoint.ts'

/** Which interfaces to announce on: those of this machine alone, all others, or some by name. */
export type InterfaceChoice = 'loopback' | 'all' | readonly string[]

/** One address of one interface, and where announcements go from there. */
export interface NetworkPath {
  /** Tells paths apart. */
  readonly key: string
  readonly family: 4 | 6
  /** Our own address; of IPv6 with its zone. */
  readonly address: string
  /** What `addMembership` and `setMulticastInterface` call the interface. */
  readonly multicastInterface: string
  readonly group: string
  /** Everybody on this network, where that exists. */
  readonly broadcast?: string
  /** Name of the interface. */
  readonly name: string
  readonly prefix: number
}

/** Administratively scoped IPv4 group (RFC 2365): it stays inside of a site, and with a TTL of 1 on one network. */
const GROUP_V4 = '239.255.86.79'
/** Link-local IPv6 group with the transient flag (RFC 4291). */
const GROUP_V6 = 'ff12::e8:0b15'

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>

/** The paths over the chosen interfaces. With `all`, loopback counts only when there is nothing else. */
export function networkPaths(interfaces: Interfaces, choice: InterfaceChoice): readonly NetworkPath[] {
  const all = Object.entries(interfaces).flatMap(([name, infos = []]) => infos.map(info => ({ name, info })))
  const chosen = all.filter(({ name, info }) => {
    if (choice === 'loopback') return info.internal
    return choice === 'all' ? !info.internal : choice.includes(name)
  })
  const usable = chosen.length > 0 || choice !== 'all' ? chosen : all
  return usable.flatMap(({ name, info }) => toPath(name, info) ?? [])
}

/** Whether a datagram comes from a machine on one of these networks. Others have no business here. */
export function isNeighbour(source: string, paths: readonly NetworkPath[]): boolean {
  if (!isIPv4(source)) {
    const zone = source.split('%')[1]
    return paths.some(({ family, name }) => family === 6 && name === zone)
  }
  return paths.some(({ family, address, prefix }) => {
    if (family !== 4) return false
    const network = new BlockList()
    network.addSubnet(address, prefix)
    return network.check(source)
  })
}

function toPath(name: string, info: NetworkInterfaceInfo): NetworkPath | undefined {
  const prefix = Number(info.cidr?.split('/')[1])
  if (!Number.isInteger(prefix)) return undefined
  if (info.family === 'IPv4') {
    const { address } = info
    const broadcast = isLoopback(address) || prefix > 30 ? {} : { broadcast: broadcastOf(address, prefix) }
    return {
      key: `${name} ${address}`,
      family: 4,
      address,
      multicastInterface: address,
      group: GROUP_V4,
      name,
      prefix,
      ...broadcast,
    }
  }
  // Only link-local addresses know which network they are on. Loopback has none, and IPv4 does there.
  if (!info.address.toLowerCase().startsWith('fe80:')) return undefined
  const address = `${info.address}%${name}`
  return {
    key: `${name} ${address}`,
    family: 6,
    address,
    multicastInterface: `::%${name}`,
    group: `${GROUP_V6}%${name}`,
    name,
    prefix,
  }
}

function broadcastOf(address: string, prefix: number): string {
  const value = address.split('.').reduce((bits, byte) => bits * 256 + Number(byte), 0)
  const hosts = 2 ** (32 - prefix)
  const last = Math.floor(value / hosts) * hosts + hosts - 1
  return [24, 16, 8, 0].map(shift => Math.floor(last / 2 ** shift) % 256).join('.')
}
