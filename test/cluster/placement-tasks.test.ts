import { describe, expect, it, vi } from 'vitest'
import { Background } from '../../src/concurrency/background.ts'
import { realClock } from '../../src/concurrency/clock.ts'
import { deferred } from '../../src/concurrency/deferred.ts'
import { TaskRegistry } from '../../src/concurrency/task-registry.ts'
import { ExovisorError } from '../../src/errors.ts'
import { fakeCluster } from './fake-hosts.ts'

/** A placement whose tasks are seen; its loads wait until they are let go. */
function watched(peerIds: readonly string[], keep = false) {
  const registry = new TaskRegistry(realClock)
  const failures: unknown[] = []
  const background = new Background({
    owner: 'node/placement',
    clock: realClock,
    registry,
    onFailure: error => failures.push(error),
  })
  const cluster = fakeCluster(peerIds, { background, keep, attempts: 1 })
  const letGo = deferred<void>()
  for (const host of [cluster.entry, ...cluster.peers]) {
    const place = host.place.bind(host)
    host.place = async (order, options) => {
      await letGo.promise
      return place(order, options)
    }
  }
  const shown = (): string[] => {
    const names = new Map<number | undefined, string>(registry.list().map(({ id, name }) => [id, name]))
    // What has begun a task may have ended before it.
    return registry
      .list()
      .map(({ name, parent }) => (names.has(parent) ? `${name} < ${names.get(parent)}` : name))
  }
  return { ...cluster, background, registry, failures, shown, letGo: () => letGo.resolve() }
}

describe('the tasks of a placement', () => {
  it('are one that places, from the first time on, and under it one for each load of a shard', async () => {
    const { placement, registry, shown, letGo } = watched(['attic', 'cellar'])
    const [one, two] = [placement.acquire(), placement.acquire()]
    await vi.waitFor(() => expect(shown()).toHaveLength(4))
    expect(shown()).toEqual([
      'place',
      'load layers 0-1 on entry < place',
      'load layers 2-3 on attic < place',
      'load layers 4-5 on cellar < place',
    ])
    expect(new Set(registry.list().map(({ owner }) => owner))).toEqual(new Set(['node/placement']))
    letGo()
    expect(await one).toBe(await two)
    expect(registry.size).toBe(0)
  })

  it('name a single layer as one', async () => {
    const { placement, shown, letGo } = watched(['b', 'c', 'd', 'e', 'f'])
    const placed = placement.acquire()
    await vi.waitFor(() => expect(shown()).toContain('load layer 1 on b < place'))
    letGo()
    await placed
  })

  it('tell a failure to those who wait for the placement, and to nobody else', async () => {
    const { placement, registry, failures, entry, letGo } = watched([])
    entry.down = new ExovisorError('EXO_MODEL_INVALID', 'as told')
    letGo()
    const [one, two] = [placement.acquire(), placement.acquire()]
    await expect(one).rejects.toMatchObject({ code: 'EXO_MODEL_INVALID' })
    await expect(two).rejects.toMatchObject({ code: 'EXO_MODEL_INVALID' })
    expect(failures).toEqual([])
    expect(registry.size).toBe(0)
  })

  it('let the loads of the other hosts go on when one fails: the next try may need them', async () => {
    const { placement, entry, peers, letGo } = watched(['attic'])
    const signals: AbortSignal[] = []
    const [attic] = peers
    const place = entry.place.bind(entry)
    entry.place = (order, options) => {
      signals.push(options.signal)
      return place(order, options)
    }
    if (attic) attic.place = () => Promise.reject(new ExovisorError('EXO_STREAM_CLOSED', 'as told'))
    const placed = placement.acquire().catch(error => error)
    await vi.waitFor(() => expect(signals).toHaveLength(1))
    letGo()
    expect(await placed).toMatchObject({ code: 'EXO_NO_PLACEMENT', cause: { code: 'EXO_STREAM_CLOSED' } })
    expect(signals[0]?.aborted).toBe(false)
    expect(entry.engine).toBeDefined()
  })

  it('are told to end when the placement is closed while a load hangs, and do so', async () => {
    const { placement, registry, entry, shown, failures } = watched([])
    entry.place = (_order, { signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const placed = placement.acquire().catch(error => error)
    await vi.waitFor(() => expect(shown()).toHaveLength(2))
    const closing = placement.close()
    expect(registry.list().map(({ state }) => state)).toEqual(['cancelling', 'cancelling'])
    await closing
    expect(await placed).toMatchObject({ code: 'EXO_ABORTED' })
    expect([registry.size, failures]).toEqual([0, []])
  })

  it('end with the background that runs them', async () => {
    const { placement, background, entry, shown } = watched([])
    entry.place = (_order, { signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const placed = placement.acquire().catch(error => error)
    await vi.waitFor(() => expect(shown()).toHaveLength(2))
    await background.close(1_000)
    expect(await placed).toMatchObject({ code: 'EXO_ABORTED' })
    expect(shown()).toEqual([])
  })

  it('show a placement made anew under the one that keeps it', async () => {
    const { placement, entry, shown, letGo } = watched([], true)
    letGo()
    await placement.acquire()
    const hold = deferred<void>()
    const place = entry.place.bind(entry)
    entry.place = async (order, options) => {
      await hold.promise
      return place(order, options)
    }
    entry.kill()
    await vi.waitFor(() =>
      expect(shown()).toEqual(['place anew', 'place < place anew', 'load layers 0-5 on entry < place']),
    )
    hold.resolve()
    await vi.waitFor(() => expect(shown()).toEqual([]))
    await placement.close()
  })

  it('have one for each host that gives its shard up, and go on past one that cannot', async () => {
    const { placement, peers, shown, failures, letGo } = watched(['attic', 'cellar', 'hall'])
    letGo()
    await placement.acquire()
    const [attic, cellar] = peers.splice(0, 2)
    const hold = deferred<void>()
    if (attic) attic.release = () => Promise.reject(new ExovisorError('EXO_PEER_UNREACHABLE', 'as told'))
    if (cellar) cellar.release = () => hold.promise
    await placement.acquire()
    await vi.waitFor(() =>
      expect(shown()).toEqual(['release shards', 'release the shard on cellar < release shards']),
    )
    hold.resolve()
    await vi.waitFor(() => expect(shown()).toEqual([]))
    expect(failures).toEqual([])
  })
})
