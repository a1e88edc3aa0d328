import { describe, expect, it } from 'vitest'
import { formatEndpoint, isLoopback, parseEndpoint } from '../../src/network/endpoint.ts'

describe('an endpoint', () => {
  it.each([
    ['127.0.0.1:1', { host: '127.0.0.1', port: 1 }],
    ['attic:65535', { host: 'attic', port: 65_535 }],
    ['node-1.example.org:80', { host: 'node-1.example.org', port: 80 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['[fe80::1%eth0]:80', { host: 'fe80::1%eth0', port: 80 }],
  ])('is read and written: %s', (text, endpoint) => {
    expect(parseEndpoint(text)).toEqual(endpoint)
    expect(formatEndpoint(endpoint)).toBe(text)
  })

  it.each([
    '',
    ':80',
    'host',
    'host:',
    'host:0',
    'host:65536',
    'host:8o',
    'host:080000',
    '::1:80',
    '[::1]',
    '[host]:80',
    '[1.2.3.4]:80',
    '1.2.3:80',
    '256.1.1.1:80',
    'a b:80',
    'http://host:80',
    `${'a'.repeat(254)}:80`,
    `${'a'.repeat(64)}:80`,
    'x'.repeat(301),
  ])('is refused when it is none: %s', text => {
    expect(() => parseEndpoint(text)).toThrow(expect.objectContaining({ code: 'EXO_REQUEST_INVALID' }))
  })

  it('is of this machine only when its host is a loopback address or localhost', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost', '::ffff:127.0.0.1'])
      expect(isLoopback(host)).toBe(true)
    for (const host of ['0.0.0.0', '::', '192.0.2.1', '127.0.0.1.example.org', 'localhost.example.org'])
      expect(isLoopback(host)).toBe(false)
  })
})
