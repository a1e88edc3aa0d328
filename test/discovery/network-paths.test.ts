import type { NetworkInterfaceInfo } from 'node:os'
import { describe, expect, it } from 'vitest'
import { isNeighbour, networkPaths } from '../../src/discovery/network-paths.ts'

const info = (cidr: string, internal = false): NetworkInterfaceInfo => {
  const [address = ''] = cidr.split('/')
  const common = { address, netmask: '', mac: '', internal, cidr }
  return address.includes(':') ? { ...common, family: 'IPv6', scopeid: 1 } : { ...common, family: 'IPv4' }
}

const interfaces = {
  lo: [info('127.0.0.1/8', true), info('::1/128', true)],
  eth0: [info('192.0.2.9/26'), info('2001:db8::9/64'), info('fe80::9/64')],
  vpn0: [info('198.51.100.4/32')],
}

describe('the paths of a node', () => {
  it('are one for each IPv4 address and each link-local IPv6 address, with the real broadcast address', () => {
    const paths = networkPaths(interfaces, 'all')
    expect(
      paths.map(({ address, broadcast, multicastInterface }) => [address, broadcast, multicastInterface]),
    ).toEqual([
      ['192.0.2.9', '192.0.2.63', '192.0.2.9'],
      ['fe80::9%eth0', undefined, '::%eth0'],
      ['198.51.100.4', undefined, '198.51.100.4'],
    ])
  })

  it('can be limited to loopback, or to interfaces by name', () => {
    expect(networkPaths(interfaces, 'loopback').map(({ address }) => address)).toEqual(['127.0.0.1'])
    expect(networkPaths(interfaces, ['vpn0', 'none']).map(({ address }) => address)).toEqual(['198.51.100.4'])
  })

  it('are those of loopback when a machine has nothing else', () => {
    expect(networkPaths({ lo: interfaces.lo }, 'all').map(({ address }) => address)).toEqual(['127.0.0.1'])
    expect(networkPaths({}, 'all')).toEqual([])
  })

  it('tell whether a source is on one of their networks', () => {
    const paths = networkPaths(interfaces, 'all')
    for (const source of ['192.0.2.1', '192.0.2.62', 'fe80::1%eth0'])
      expect(isNeighbour(source, paths)).toBe(true)
    for (const source of ['192.0.2.64', '127.0.0.1', 'fe80::1%wlan0', '2001:db8::1'])
      expect(isNeighbour(source, paths)).toBe(false)
    expect(isNeighbour('127.0.0.5', networkPaths(interfaces, 'loopback'))).toBe(true)
  })
})
