import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { defineResource, ExovisorError, lifecycle, supervisorResource } from '../../../src/runtime.ts'
import { calm, kid } from '../../supervision/tree.ts'
import { evening, hours, minutes, watched } from './watched.ts'

/** DEGRADED children stay so: nobody acts on them, and no health check finds them well. */
const patient = {
  policies: { default: { ...calm, on: ['ERROR' as const], probe: { interval: hours(10), timeout: 1_000 } } },
}

describe('a monitor', () => {
  it('tells how everything is: resources by state, delay, memory, restarts', async () => {
    const { spec } = kid('a')
    const { spec: other } = kid('b')
    await using tree = await watched([spec, other], patient)
    expect(tree.monitor.latestStats()).toBeUndefined()
    tree.root.ref('b').degrade('slow')
    await tree.clock.advance(5_000)
    expect(tree.monitor.latestStats()).toEqual({
      time: evening + 5_000,
      resources: 3,
      states: { READY: 2, DEGRADED: 1 },
      delay: { median: 0, p99: 1, longest: 1 },
      memory: 100 * 2 ** 20,
      processes: {},
      restarts: 0,
      problems: 0,
    })
  })

  it('calls a resource a problem that was DEGRADED for longer than the threshold, once, and says when it is over', async () => {
    await using tree = await watched([kid('a').spec], patient)
    tree.root.ref('a').degrade('slow')
    await tree.clock.advance(minutes(1) - 1)
    expect(tree.told()).toEqual([])
    await tree.clock.advance(minutes(2))
    expect(tree.told()).toEqual(['problem a'])
    expect(tree.monitor.problemResources()).toEqual([
      {
        type: 'state',
        path: 'node/a',
        kind: 'scripted',
        since: evening + minutes(1),
        message: 'is DEGRADED, out of order for 2 min 55 s: scripted "a" is degraded: slow',
        error: expect.objectContaining({ code: 'EXO_RESOURCE_FAILED' }),
        recovering: false,
      },
    ])
    await tree.root.restart('a')
    await tree.clock.advance(5_000)
    expect(tree.monitor.problemResources()).toMatchObject([{ recovering: true }])
    await tree.clock.advance(10_000)
    expect(tree.monitor.problemResources()).toEqual([])
    expect(tree.told()).toEqual(['problem a', 'problem_over a'])
  })

  it('does not call a resource a problem that is well again in time, however often', async () => {
    await using tree = await watched([kid('a', { recover: async () => undefined }).spec], patient)
    for (let round = 0; round < 20; round += 1) {
      tree.root.ref('a').degrade('slow')
      await tree.clock.advance(50_000)
      await tree.root.recover('a')
      await tree.clock.advance(1_000)
    }
    expect(tree.told()).toEqual([])
  })

  it('counts the whole time in which a resource crashes again and again, since it never works', async () => {
    let works = true
    const broken = defineResource<undefined, object>({
      kind: 'broken',
      machine: lifecycle,
      initialize: async () => {
        if (!works) throw new Error('no disk')
        return {}
      },
    })
    const policies = {
      default: {
        ...calm,
        intensity: { restarts: 1_000, within: hours(1) },
        backoff: { ...calm.backoff, initial: 1_000, factor: 1, max: 1_000 },
      },
    }
    await using tree = await watched([{ id: 'a', resource: broken, input: undefined }], {
      policies,
      thresholds: { restarts: 1_000_000 },
    })
    works = false
    tree.root.ref('a').fail('gone')
    await tree.clock.advance(minutes(2))
    expect(tree.monitor.problemResources()).toMatchObject([{ type: 'state', path: 'node/a' }])
    expect(tree.monitor.problemResources()[0]?.message).toContain('is down, out of order for')
    works = true
    await tree.clock.advance(minutes(1))
    expect(tree.told()).toEqual(['problem a', 'problem_over a'])
  })

  it('calls what failed and is not restarted a problem at the next look, and what was stopped by hand none', async () => {
    const { spec } = kid('a', {}, { restart: 'transient', policy: { decide: { '*': 'stop' } } })
    await using tree = await watched([spec, kid('b').spec], patient)
    tree.root.ref('a').fail('gone')
    tree.root.ref('b').degrade('slow')
    await tree.root.stop('b')
    await tree.clock.advance(10_000)
    expect(tree.monitor.problemResources()).toMatchObject([
      { path: 'node/a', message: expect.stringContaining('has failed and is not restarted') },
    ])
    await tree.clock.advance(minutes(5))
    expect(tree.told()).toEqual(['problem a'])
  })

  it('calls a resource a problem that restarts too often within an hour, and forgets it with the hour, or when it is told', async () => {
    await using tree = await watched([kid('a').spec, kid('b').spec], { thresholds: { restarts: 3 } })
    for (let round = 0; round < 3; round += 1) {
      await tree.root.restart('a')
      await tree.root.restart('b')
      await tree.clock.advance(minutes(1))
    }
    expect(tree.told()).toEqual(['problem a', 'problem b'])
    expect(tree.reasons()[0]).toBe('was restarted 3 times within an hour, the threshold is 3')
    tree.monitor.forget('node/b')
    await tree.clock.advance(15_000)
    expect(tree.told()).toEqual(['problem a', 'problem b', 'problem_over b'])
    await tree.clock.advance(hours(1))
    expect(tree.told()).toEqual(['problem a', 'problem b', 'problem_over b', 'problem_over a'])
  })

  it('does not flap: a figure is bad after three bad looks, well after three that are a tenth below, and in between as before', async () => {
    await using tree = await watched([], { thresholds: { delay: 200, memory: 2 ** 30 } })
    const look = async (p99: number, times = 1) => {
      for (let time = 0; time < times; time += 1) {
        tree.figures.p99 = p99 / 1_000
        await tree.monitor.look()
      }
    }
    for (let round = 0; round < 5; round += 1) {
      await look(250, 2)
      await look(10)
    }
    expect(tree.told()).toEqual([])
    await look(250, 3)
    expect(tree.told()).toEqual(['problem node'])
    for (let round = 0; round < 5; round += 1) {
      await look(10, 2)
      await look(190, 4)
      await look(250)
    }
    expect(tree.told()).toEqual(['problem node'])
    await look(10, 3)
    expect(tree.told()).toEqual(['problem node', 'problem_over node'])
    tree.figures.memory = 2 ** 30
    await look(10, 3)
    expect(tree.reasons().at(-1)).toBe('its process holds 1024 MiB, the threshold is 1024 MiB')
  })

  it('writes a problem into the log and the events like all that happens to a resource', async () => {
    await using tree = await watched([kid('a').spec], { thresholds: { restarts: 1 } })
    await tree.root.restart('a')
    await tree.clock.advance(5_000)
    expect(tree.lines.map(({ message }) => message)).toContain(
      'scripted "a" problem: was restarted 1 times within an hour, the threshold is 1',
    )
    const [last] = tree.events.last(1)
    expect(last).toMatchObject({ type: 'problem', supervisor: 'node', name: 'a', incarnation: 2 })
  })

  it('finds what was out before it began, in supervisors of supervisors too', async () => {
    const { spec } = kid('b', {}, { policy: patient.policies.default })
    const below = { id: 'below', resource: supervisorResource, input: { children: [spec], ...patient } }
    await using tree = await watched([below], patient)
    tree.registry.ref('node/below/b').degrade('slow')
    await tree.clock.advance(minutes(3))
    const { createMonitor } = await import('../../../src/observe/monitor/create-monitor.ts')
    const { root, registry, events, clock } = tree
    await using late = await createMonitor({
      root,
      registry,
      events,
      clock,
      now: () => evening + clock.now(),
    })
    await late.look()
    expect(late.problemResources()).toMatchObject([{ path: 'node/below/b', type: 'state' }])
  })

  it('tells of the speed of generating where somebody counts the tokens', async () => {
    let tokens = 100
    await using tree = await watched([], { traffic: () => ({ tokens, running: 2, waiting: 1 }) })
    tokens += 50
    await tree.clock.advance(5_000)
    expect(tree.monitor.latestStats()).toMatchObject({ tokensPerSecond: 10, running: 2, waiting: 1 })
  })

  it('lets the event loop have its turn ten times while it looks at ten thousand resources, and makes nothing for those that are well', async () => {
    await using tree = await watched([])
    let asked = 0
    const ref = { client: undefined } as never
    for (let index = 0; index < 10_000; index += 1) {
      const entry = () => {
        asked += 1
        return { since: 0 } as never
      }
      tree.registry.register({
        parent: 'node',
        id: `r${index}`,
        kind: 'x',
        state: index < 3 ? 'ERROR' : 'READY',
        suspended: false,
        ref,
        entry,
      })
    }
    let turns = 0
    const nextTurn = tree.clock.nextTurn.bind(tree.clock)
    tree.clock.nextTurn = fn => {
      turns += 1
      nextTurn(fn)
    }
    expect(await tree.monitor.look()).toMatchObject({ resources: 10_001, states: { READY: 9_998, ERROR: 3 } })
    expect(turns).toBe(10)
    expect(asked).toBe(3)
  })

  it('does not go on about a resource that is not there any more', async () => {
    await using tree = await watched([])
    const lost = new ExovisorError('EXO_RESOURCE_FAILED', 'lost')
    const unregister = tree.registry.register({
      parent: 'node',
      id: 'gone',
      kind: 'x',
      state: 'ERROR',
      suspended: false,
      ref: { client: undefined } as never,
      entry: () => ({ since: 0, lastError: { code: lost.code, message: lost.message } }) as never,
    })
    await tree.clock.advance(minutes(2))
    expect(tree.monitor.problemResources()).toMatchObject([{ path: 'node/gone' }])
    unregister()
    await tree.clock.advance(15_000)
    expect(tree.told()).toEqual(['problem gone', 'problem_over gone'])
  })

  it('hears nothing any more when it is closed', async () => {
    await using tree = await watched([kid('a').spec])
    await tree.monitor.close()
    await tree.root.restart('a')
    expect(await tree.monitor.lastEvents({ limit: 10 })).toEqual([])
  })

  it('leaves no timer when it is closed', async () => {
    await using tree = await watched([], { thresholds: { restarts: 1 } })
    expect(tree.clock.pending).toBe(1)
    await tree.monitor.close()
    expect(tree.clock.pending).toBe(0)
    const heard = tree.lines.length
    await tree.clock.advance(hours(1))
    expect(tree.lines).toHaveLength(heard)
  })

  it('goes on without a file that another monitor writes, or that is broken, and says so once in the log', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'exovisor-monitor-'))
    const history = join(directory, 'history.sqlite')
    const broken = join(directory, 'broken.sqlite')
    writeFileSync(broken, 'this is no database at all. '.repeat(100))
    await using first = await watched([], { history })
    for (const path of [history, broken]) {
      await using other = await watched([kid('a').spec], { history: path })
      expect(other.lines.map(({ facts }) => facts)).toContainEqual(
        expect.objectContaining({
          file: path,
          error: expect.objectContaining({
            code: 'EXO_HISTORY_UNUSABLE',
            message: expect.stringContaining(path),
          }),
        }),
      )
      const reports = other.lines.filter(({ message }) => message.startsWith('there is no history file'))
      expect(reports).toHaveLength(1)
      await other.root.restart('a')
      await other.clock.advance(5_000)
      const { history: used, happened } = await other.monitor.detailedReport({ since: evening })
      expect(used).toBeUndefined()
      expect(happened?.restarts).toEqual([{ path: 'node/a', count: 1 }])
    }
    expect(await first.monitor.detailedReport()).toMatchObject({ history })
  })
})
