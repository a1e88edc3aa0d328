import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { HistoryFile } from '../../../src/observe/history/file.ts'
import { calm, kid } from '../../supervision/tree.ts'
import { evening, hours, minutes, watched } from './watched.ts'

const policies = {
  default: {
    ...calm,
    intensity: { restarts: 100, within: hours(1) },
    probe: { interval: hours(20), timeout: 1_000 },
  },
}

/** A night with an outage of five seconds at midnight, three crashes of another one, and a slow hour. */
async function night(history: string | undefined) {
  const input = { policies, interval: minutes(1), ...(history !== undefined && { history }) }
  const tree = await watched([kid('disk').spec, kid('link', {}, { policy: { on: ['ERROR'] } }).spec], input)
  await tree.clock.advance(hours(2))
  tree.root.ref('link').degrade('far away')
  await tree.clock.advance(minutes(5))
  tree.root.ref('link').fail('cut')
  await tree.clock.advance(minutes(55))
  tree.figures.p99 = 0.5
  for (let crash = 1; crash <= 3; crash += 1) {
    tree.root.ref('disk').fail('worn out')
    await tree.clock.advance(minutes(1))
  }
  await tree.clock.advance(hours(1))
  tree.figures.p99 = 0.001
  await tree.clock.advance(hours(5))
  return tree
}

describe('a report in the morning', () => {
  for (const kept of ['a file', 'memory'] as const)
    it(`tells what happened in the night, from ${kept}`, async () => {
      const file = join(mkdtempSync(join(tmpdir(), 'exovisor-night-')), 'history.sqlite')
      await using tree = await night(kept === 'a file' ? file : undefined)
      const { happened, problems, history } = await tree.monitor.detailedReport({ since: evening })
      expect(history).toBe(kept === 'a file' ? file : undefined)
      expect(problems).toEqual([])
      expect(happened).toMatchObject({
        since: evening,
        starts: 1,
        crashes: 0,
        lost: 0,
        restarts: [
          { path: 'node/disk', count: 3 },
          { path: 'node/link', count: 1 },
        ],
        errors: [{ code: 'EXO_RESOURCE_FAILED', count: 5, resources: 2 }],
        downtime: [
          { path: 'node/link', outages: 1, degraded: minutes(5), down: 100 },
          { path: 'node/disk', outages: 3, degraded: 0, down: 300 },
        ],
      })
      expect(happened?.problems).toEqual([
        {
          path: 'node/link',
          began: evening + hours(2) + minutes(1),
          over: evening + hours(2) + minutes(8),
          message: expect.stringContaining('is DEGRADED, out of order for'),
        },
        {
          path: 'node',
          began: expect.any(Number),
          over: expect.any(Number),
          message: 'the event loop is 500 ms late at its 99th percentile, the threshold is 200 ms',
        },
      ])
      expect(happened?.figures).toMatchObject({ delay: { min: 1, median: 1, max: 500 } })
    })

  it('tells only of the time that it is asked for', async () => {
    await using tree = await night(undefined)
    const { happened } = await tree.monitor.detailedReport({ since: evening + hours(3) - 1 })
    expect(happened?.restarts).toEqual([{ path: 'node/disk', count: 3 }])
    expect(happened?.downtime).toEqual([{ path: 'node/disk', outages: 3, degraded: 0, down: 300 }])
  })

  it('counts an outage that lasts, and of one that began before only the part that lies within', async () => {
    await using tree = await watched([kid('link', {}, { policy: { on: ['ERROR'] } }).spec], { policies })
    tree.root.ref('link').degrade('far away')
    await tree.clock.advance(hours(3))
    const { happened } = await tree.monitor.detailedReport({ since: evening + hours(2) })
    expect(happened?.downtime).toEqual([{ path: 'node/link', outages: 1, degraded: hours(1), down: 0 }])
  })

  it('knows that a node before was killed, since it wrote no end', async () => {
    const history = join(mkdtempSync(join(tmpdir(), 'exovisor-night-')), 'history.sqlite')
    const file = HistoryFile.open(history)
    file.write([{ type: 'start', time: evening - hours(1), path: '' }])
    file.close()
    await using tree = await watched([], { history })
    const { happened } = await tree.monitor.detailedReport({ since: evening - hours(2) })
    expect(happened).toMatchObject({ starts: 2, crashes: 1, known: evening - hours(1) })
  })
})
