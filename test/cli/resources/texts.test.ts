import { describe, expect, it } from 'vitest'
import { eventLine } from '../../../src/cli/resources/event-lines.ts'
import { healthText } from '../../../src/cli/resources/health-text.ts'
import { listTable } from '../../../src/cli/resources/list-table.ts'
import { spanOption, stateOption } from '../../../src/cli/resources/options.ts'
import { treeOf, treeTable } from '../../../src/cli/resources/tree-table.ts'
import { redrawing } from '../../../src/cli/resources/watch.ts'
import { table } from '../../../src/cli/table.ts'
import type { HealthAnswer, ResourceRow } from '../../../src/observe/control/resource-answers.ts'

/** Local time, as the texts show it. */
const now = new Date(2026, 10, 21, 8, 0, 0).getTime()
const ago = (seconds: number): number => now - seconds * 1_000

const row = (path: string, changes: Partial<ResourceRow> = {}): ResourceRow => ({
  path,
  parent: path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '',
  name: path.slice(path.lastIndexOf('/') + 1),
  displayName: path,
  kind: 'peer',
  state: 'READY',
  incarnation: 1,
  restarts: 0,
  since: ago(75),
  suspended: false,
  dependencies: [],
  ...changes,
})

const resources = [
  row('node', { kind: 'supervisor' }),
  row('node/server', { kind: 'server', suspended: true }),
  row('node/peers', { kind: 'supervisor' }),
  row('node/peers/attic', {
    state: 'DEGRADED',
    incarnation: 3,
    restarts: 2,
    since: ago(9_000),
    error: { code: 'EXO_PEER_LOST', message: 'no answer\nfor 3 s' },
  }),
  row('node/peers/cellar'),
]

describe('the table of resources list', () => {
  it('has a line for each resource, and counts the states', () => {
    expect(listTable({ node: 'attic', resources }, now)).toBe(`node attic: 5 resources, 4 READY, 1 DEGRADED

RESOURCE           KIND        STATE             FOR         INCARNATION  RESTARTS  LAST ERROR
node               supervisor  READY             1 min 15 s  1            0
node/server        server      READY, suspended  1 min 15 s  1            0
node/peers         supervisor  READY             1 min 15 s  1            0
node/peers/attic   peer        DEGRADED          2 h 30 min  3            2         EXO_PEER_LOST: no answer for 3 s
node/peers/cellar  peer        READY             1 min 15 s  1            0
`)
  })

  it('says so when there is none', () => {
    expect(listTable({ node: 'attic', resources: [] }, now)).toBe(
      'node attic: 0 resources\n\nno such resources\n',
    )
  })

  it('is as wide as the terminal: the longest cells are cut', () => {
    const long = [row(`node/${'x'.repeat(80)}`, { error: { code: 'EXO_INTERNAL', message: 'y'.repeat(80) } })]
    const lines = listTable({ node: 'attic', resources: long }, now, { width: 100 }).split('\n')
    expect(lines[3]).toHaveLength(100)
    expect(lines[3]).toMatch(/^node\/x+… {2}peer {2}READY .* EXO_INTERNAL: y+…$/)
  })

  it('has colours only where they are wanted', () => {
    const plain = listTable({ node: 'attic', resources }, now)
    expect(plain).not.toContain('\u001b')
    const colourful = listTable({ node: 'attic', resources }, now, { colour: true })
    expect(colourful).toContain('\u001b[33mDEGRADED\u001b[39m')
    const escapes = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g')
    expect(colourful.replaceAll(escapes, '').replaceAll(/ +$/gm, '')).toBe(plain)
  })
})

describe('the table of resources tree', () => {
  it('draws each resource below its supervisor', () => {
    expect(
      treeTable(treeOf({ node: 'attic', resources }), now),
    ).toBe(`node attic: 5 resources, 4 READY, 1 DEGRADED

RESOURCE      KIND        STATE             FOR         INCARNATION  RESTARTS  LAST ERROR
node          supervisor  READY             1 min 15 s  1            0
├─ server     server      READY, suspended  1 min 15 s  1            0
└─ peers      supervisor  READY             1 min 15 s  1            0
   ├─ attic   peer        DEGRADED          2 h 30 min  3            2         EXO_PEER_LOST: no answer for 3 s
   └─ cellar  peer        READY             1 min 15 s  1            0
`)
  })

  it('loses nobody whose supervisor is not there', () => {
    const { tree } = treeOf({ node: 'attic', resources: [row('gone/below'), row('node')] })
    expect(tree.map(({ path }) => path)).toEqual(['gone/below', 'node'])
  })
})

const healthy: HealthAnswer = {
  node: 'attic',
  healthy: true,
  time: now,
  stats: {
    time: now,
    resources: 5,
    states: { READY: 5 },
    delay: { median: 0.1, p99: 1.2, longest: 20 },
    memory: 120 * 2 ** 20,
    processes: { 'node/inference': 300 * 2 ** 20 },
    tokensPerSecond: 12.34,
    running: 1,
    waiting: 0,
    restarts: 2,
    problems: 0,
  },
  thresholds: { degraded: 60_000, restarts: 10, delay: 200 },
  problems: [],
}

describe('the text of resources health', () => {
  it('says that all is well, with figures and thresholds', () => {
    expect(healthText(healthy)).toBe(`node attic: no problem, 5 resources, 5 READY

restarts   2 within the last hour, a problem from 10 of one resource on
delay      1 ms of the event loop at the 99th percentile, a problem from 200 ms on
memory     120 MiB, node/inference 300 MiB
generating 12.3 tokens/s, 1 running, 0 waiting
history    in memory alone
`)
  })

  it('names each problem, and tells what has happened in the night', () => {
    const text = healthText({
      ...healthy,
      healthy: false,
      history: '/state/history.sqlite',
      problems: [
        {
          type: 'state',
          path: 'node/peers/attic',
          kind: 'peer',
          since: ago(3_600),
          message: 'is DEGRADED',
          recovering: true,
        },
      ],
      happened: {
        since: ago(43_200),
        known: ago(36_000),
        events: 120,
        starts: 2,
        crashes: 1,
        lost: 0,
        problems: [{ path: 'node/peers/attic', began: ago(7_200), over: ago(7_100), message: 'is down' }],
        restarts: [{ path: 'node/peers/attic', count: 7 }],
        errors: [{ code: 'EXO_PEER_LOST', message: 'no answer', count: 9, resources: 1, last: ago(60) }],
        downtime: [{ path: 'node/peers/attic', outages: 7, down: 90_000, degraded: 4_000 }],
        figures: {
          delay: { min: 0.4, median: 1, max: 80 },
          memory: { min: 2 ** 20, median: 2 ** 21, max: 2 ** 22 },
        },
      },
    })
    expect(text).toContain(`node attic: 1 problem, 5 resources, 5 READY
  2026-11-21 07:00:00  node/peers/attic  is DEGRADED (well at the last look)
`)
    expect(text.slice(text.indexOf('history'))).toBe(`history    /state/history.sqlite

since 2026-11-20 20:00:00, 12 h 0 min, known since 2026-11-20 22:00:00: 120 events, 2 starts, 1 after an end without order

problems
  2026-11-21 06:00:00  for 1 min 40 s  node/peers/attic  is down

restarts
  7  node/peers/attic

errors
  9  EXO_PEER_LOST  of 1 resource  last 2026-11-21 07:59:00  no answer

out of order
  node/peers/attic  down 1 min 30 s  DEGRADED 4.0 s  7 times

figures
  delay   least 0 ms   median 1 ms   most 80 ms
  memory  least 1 MiB  median 2 MiB  most 4 MiB
`)
  })
})

describe('a line of resources events', () => {
  it('has the time, what happened, to whom, and why', () => {
    const event = {
      type: 'failed',
      supervisor: 'node',
      name: 'inference',
      kind: 'inference',
      incarnation: 3,
      error: { code: 'EXO_ENGINE_LOST', message: 'it ended\n(SIGKILL)' },
    }
    expect(eventLine({ time: now, path: 'node/inference', event })).toBe(
      '2026-11-21 08:00:00  failed             node/inference #3  EXO_ENGINE_LOST: it ended (SIGKILL)',
    )
    const waits = { type: 'backoff_scheduled', supervisor: 'node', incarnation: 3, delay: 250 }
    expect(eventLine({ time: now, path: 'node/inference', event: waits })).toBe(
      '2026-11-21 08:00:00  backoff_scheduled  node/inference #3  in 0.3 s',
    )
  })

  it('lets no name move the cursor of the terminal', () => {
    const event = { type: 'ready', supervisor: 'node', incarnation: 1 }
    expect(eventLine({ time: now, path: 'node/\u001b[2J', event })).toContain('node/\\u001b[2J #1')
    expect(table([['\u001b[2J\u0007', 'b']])).toBe('\\u001b[2J\\u0007  b')
  })
})

describe('the options of resources', () => {
  it('take a time with its unit, and nothing that is none', () => {
    expect(spanOption('12h')).toBe(43_200_000)
    expect(() => spanOption('12 hours')).toThrow('expected a time like 90s, 15m or 12h')
  })

  it('take a state in small letters too', () => {
    expect(stateOption('degraded')).toBe('DEGRADED')
    expect(() => stateOption('redy')).toThrow('expected one of UNINITIALIZED')
  })
})

describe('a picture that is shown again and again', () => {
  const shown = (
    terminal: { readonly isTTY: boolean; readonly rows: number },
    pictures: readonly string[],
  ) => {
    let written = ''
    const write = (text: string): boolean => {
      written += text
      return true
    }
    const draw = redrawing({ ...terminal, write } as never)
    for (const picture of pictures) draw(picture)
    return written
  }

  it('takes the place of the one before on a terminal, and never scrolls it', () => {
    expect(shown({ isTTY: true, rows: 4 }, ['a\nb\nc\n', 'a\nb\nc\nd\n'])).toBe(
      '\u001b[H\u001b[Ja\nb\nc\n\u001b[H\u001b[Ja\nb\n… 2 more\n',
    )
  })

  it('stands below the one before in a file, with nothing that a terminal would obey', () => {
    expect(shown({ isTTY: false, rows: 4 }, ['a\nb\n', 'c\n'])).toBe('a\nb\n\nc\n')
  })
})
