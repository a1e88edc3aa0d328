import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { DiscoveryClient, DiscoveryEvent } from '../../src/discovery/discovery.ts'
import { type ManualDiscoveryInput, manualDiscovery } from '../../src/discovery/manual.ts'
import { createResource } from '../../src/resources/create.ts'
import { Cleanup } from '../network/links.ts'
import { inState } from '../network/nodes.ts'

const cleanup = new Cleanup()
afterEach(() => cleanup.run())

const start = (input: ManualDiscoveryInput) =>
  cleanup.add(createResource(manualDiscovery, { input, name: 'list' }), resource => resource.close())

async function peersFile(text: string) {
  const directory = cleanup.add(await mkdtemp(join(tmpdir(), 'exovisor-peers-')), path =>
    rm(path, { recursive: true, force: true }),
  )
  const file = join(directory, 'peers.yaml')
  await writeFile(file, text)
  return { directory, file }
}

/** Events in the order in which they come; waits for the next one. */
function queueOf(client: DiscoveryClient) {
  const events: DiscoveryEvent[] = []
  let wake: () => void = () => {}
  client.subscribe(event => {
    events.push(event)
    wake()
  })
  return async () => {
    while (events.length === 0) await new Promise<void>(resolve => (wake = resolve))
    return events.shift()
  }
}

const manual = (change: object) => ({ incarnation: 0, source: 'manual', ...change })

describe('a list of peers', () => {
  it('is found at once', async () => {
    const client = await start({
      peers: [{ id: 'a', name: 'attic', endpoint: '192.0.2.1:80' }, { endpoint: '[fe80::1%eth0]:81' }],
    }).initialize()
    expect(client.peers()).toEqual([
      manual({ id: 'a', name: 'attic', endpoint: '192.0.2.1:80' }),
      manual({ id: 'endpoint:[fe80::1%eth0]:81', name: '[fe80::1%eth0]:81', endpoint: '[fe80::1%eth0]:81' }),
    ])
  })

  it('may hold this node itself, which is passed over', async () => {
    const peers = [
      { id: 'a', endpoint: '192.0.2.1:80' },
      { id: 'me', endpoint: '192.0.2.2:80' },
    ]
    expect((await start({ peers, self: 'me' }).initialize()).peers().map(({ id }) => id)).toEqual(['a'])
  })

  it.each([
    [[{ endpoint: 'nowhere' }], 'endpoint "nowhere": expected host:port'],
    [[{ endpoint: 'a:1' }, { endpoint: 'a:1' }], 'a:1 is there twice, first in peers[0]'],
    [[{ endpoint: 'a:1', id: '-' }], 'peers.0.id'],
  ])('is refused when it is wrong: %j', async (peers, message) => {
    const started = start({ peers }).initialize()
    await expect(started).rejects.toEqual(expect.objectContaining({ code: 'EXO_REQUEST_INVALID' }))
    await expect(started).rejects.toThrow(message)
  })
})

describe('a file of peers', () => {
  it('may be YAML or JSON', async () => {
    for (const text of [
      'peers:\n  - endpoint: attic.local:80 # upstairs\n    id: a\n',
      '{"peers":[{"endpoint":"attic.local:80","id":"a"}]}',
    ]) {
      const { file } = await peersFile(text)
      const client = await start({ file }).initialize()
      expect(client.peers()).toEqual([
        manual({ id: 'a', name: 'attic.local:80', endpoint: 'attic.local:80' }),
      ])
    }
  })

  it('is read again when it changes: what is new is found, what is other is changed, what is gone is lost', async () => {
    const { file, directory } = await peersFile(
      'peers: [{ id: a, endpoint: "h:1" }, { id: b, endpoint: "h:2" }]',
    )
    const next = queueOf(await start({ file }).initialize())
    expect([await next(), await next()]).toMatchObject([{ type: 'found' }, { type: 'found' }])
    // As editors do it: beside, then renamed.
    await writeFile(join(directory, 'new'), 'peers: [{ id: b, endpoint: "h:3" }, { id: c, endpoint: "h:4" }]')
    await rename(join(directory, 'new'), file)
    expect([await next(), await next(), await next()]).toEqual([
      { type: 'lost', id: 'a', reason: 'it is no longer in the list' },
      { type: 'changed', peer: manual({ id: 'b', name: 'h:3', endpoint: 'h:3' }) },
      { type: 'found', peer: manual({ id: 'c', name: 'h:4', endpoint: 'h:4' }) },
    ])
  })

  it('keeps its last good list when it breaks, says where it is broken, and is well again once it is mended', async () => {
    const { file } = await peersFile('peers: [{ id: a, endpoint: "h:1" }]')
    const resource = start({ file })
    const client = await resource.initialize()
    await writeFile(file, 'peers:\n  - id: b\n    endpoint: h:99999\n')
    await inState(resource, 'DEGRADED')
    expect(resource.lastError).toMatchObject({
      code: 'EXO_PEERS_FILE_INVALID',
      message: expect.stringContaining(
        `${file}, line 3, column 15: peers.0.endpoint: endpoint "h:99999": expected a port from 1 to 65535`,
      ),
    })
    expect(client.peers().map(({ id }) => id)).toEqual(['a'])
    await expect(
      manualDiscovery.checkHealth?.(client, { signal: new AbortController().signal }),
    ).rejects.toThrow('line 3')
    await rm(file)
    await writeFile(file, 'peers: [{ id: b, endpoint: "h:2" }]')
    await inState(resource, 'READY')
    expect(client.peers().map(({ id }) => id)).toEqual(['b'])
    await manualDiscovery.checkHealth?.(client, { signal: new AbortController().signal })
  })

  it('is found out to have changed even where the file system reports nothing', async () => {
    const { file, directory } = await peersFile('peers: []')
    const moved = `${directory}-away`
    const client = await start({ file, poll: 20 }).initialize()
    const next = queueOf(client)
    // The watch follows the directory to its new place; only looking at the path finds the new file.
    await rename(directory, moved)
    cleanup.add(moved, path => rm(path, { recursive: true, force: true }))
    const again = await peersFile('peers: [{ id: a, endpoint: "h:1" }]')
    await rename(again.directory, directory)
    cleanup.add(directory, path => rename(path, again.directory))
    expect(await next()).toMatchObject({ type: 'found', peer: { id: 'a' } })
  })

  it.each([
    ['a list that is none', 'peers: 5', 'line 1, column 8: peers: '],
    ['nothing in it', '', 'line 1, column 1: peers: '],
    ['an unknown key', 'peers:\n - endpoint: h:1\n   prot: 9', 'line 3, column 4: peers.0: '],
    ['a node without endpoint', 'peers:\n - name: x', 'line 2, column 4: peers.0.endpoint: '],
    ['broken YAML', 'peers: [\n', 'line 2, column 1: '],
    [
      'an endpoint that is there twice',
      'peers:\n - endpoint: h:1\n - endpoint: h:1',
      'line 3, column 14: peers.1.endpoint: h:1 is there twice',
    ],
    ['too many peers', `peers: [${'{ endpoint: "h:1" },'.repeat(1_025)}]`, 'peers: '],
    ['too many bytes', `# ${'x'.repeat(1_048_576)}`, 'expected at most so many'],
  ])('does not start with a file that has %s, and names the place', async (_, text, message) => {
    const { file } = await peersFile(text)
    const started = start({ file }).initialize()
    await expect(started).rejects.toEqual(expect.objectContaining({ code: 'EXO_PEERS_FILE_INVALID' }))
    await expect(started).rejects.toThrow(message)
  })

  it('does not start without its file, and names the path', async () => {
    const started = start({ file: '/nowhere/peers.yaml' }).initialize()
    await expect(started).rejects.toThrow('peers file /nowhere/peers.yaml cannot be read')
    await expect(started).rejects.toEqual(expect.objectContaining({ code: 'EXO_PEERS_FILE_INVALID' }))
    await expect(start({ file: '/dev/zero' }).initialize()).rejects.toThrow('more than 1048576 bytes')
  })
})
