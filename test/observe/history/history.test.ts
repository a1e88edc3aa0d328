import { mkdtempSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../src/concurrency/virtual-clock.ts'
import type { HistoryEntry } from '../../../src/observe/history/entry.ts'
import { HistoryFile } from '../../../src/observe/history/file.ts'
import { History } from '../../../src/observe/history/history.ts'

const fresh = () => join(mkdtempSync(join(tmpdir(), 'exovisor-history-')), 'history.sqlite')
const lost = (time: number, count = 1): HistoryEntry => ({ type: 'lost', time, path: '', count })

/** A history under a virtual clock. */
function kept(
  path: string | undefined,
  options: { readonly retention?: number; readonly capacity?: number } = {},
) {
  const clock = new VirtualClock()
  const lines: string[] = []
  const note = (_: object, message: string) => void lines.push(message)
  const file = path === undefined ? undefined : HistoryFile.open(path)
  const log = { debug: note, info: note, warn: note, error: note }
  const now = () => clock.now()
  const history = new History({ file, retention: 60_000, clock, now, log, ...options })
  return { clock, history, lines, file }
}

async function all(history: History, since = 0): Promise<readonly HistoryEntry[]> {
  const entries: HistoryEntry[] = []
  for await (const entry of history.read({ since })) entries.push(entry)
  return entries
}

const counts = (entries: readonly HistoryEntry[]) =>
  entries.flatMap(entry => (entry.type === 'lost' ? [entry.count] : []))

describe('a history file', () => {
  it('keeps what was added for the next one who opens it, who sees whether it ended in order', async () => {
    const path = fresh()
    const first = kept(path)
    first.history.add(lost(1, 7))
    first.history.close()
    const second = kept(path)
    expect((await all(second.history)).map(({ type }) => type)).toEqual(['start', 'lost', 'stop', 'start'])
    expect(counts(await all(second.history))).toEqual([7])
    second.history.close()
  })

  it('is written in one transaction a second, of a thousand entries at most, and nothing is lost of what waits', async () => {
    const { clock, history, file } = kept(fresh())
    const sizes: number[] = []
    const write = file!.write.bind(file)
    file!.write = entries => {
      sizes.push(entries.length)
      write(entries)
    }
    for (let index = 0; index < 2_500; index += 1) history.add(lost(0, index))
    expect(sizes).toEqual([])
    await clock.advance(1_000)
    expect(sizes).toEqual([1_000])
    await clock.advance(2_000)
    expect(sizes).toEqual([1_000, 1_000, 501])
    expect(clock.pending).toBe(0)
    expect(counts(await all(history))).toHaveLength(2_500)
    history.close()
  })

  it('drops what comes faster than it can be written, and says how much', async () => {
    const { history } = kept(fresh())
    for (let index = 0; index < 10_050; index += 1) history.add({ type: 'stop', time: 0, path: '' })
    // The entry of the start waits too.
    expect(counts(await all(history))).toEqual([51])
    history.close()
  })

  it('keeps entries for so long and no longer', async () => {
    const { clock, history } = kept(fresh(), { retention: 60_000 })
    for (let round = 0; round < 6; round += 1) {
      history.add(lost(clock.now(), round))
      await clock.advance(30_000)
    }
    history.add(lost(clock.now(), 6))
    await clock.advance(1_000)
    expect(counts(await all(history))).toEqual([5, 6])
    history.close()
  })

  it('never holds more entries than it may, whatever the time', () => {
    const file = HistoryFile.open(fresh())
    file.write(Array.from({ length: 50 }, (_, index) => lost(index, index)))
    expect(file.removeBefore(0, 20)).toBe(30)
    expect(counts(file.page({}, 0, 100).entries)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 30),
    )
    file.close()
  })

  it('is read by its own user alone', () => {
    const path = fresh()
    HistoryFile.open(path).close()
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('gives the newest events that fit, oldest of them first, however many others there are', async () => {
    const { history } = kept(fresh())
    const event = (name: string, at: number) => ({ type: 'ready', at, supervisor: 'node', name }) as never
    for (let index = 0; index < 3_000; index += 1) {
      const name = index % 1_000 === 0 ? 'rare' : 'common'
      history.add({ type: 'event', time: index, path: `node/${name}`, event: event(name, index) })
    }
    const rare = await history.lastEvents(2, 0, path => path === 'node/rare')
    expect(rare.map(({ time }) => time)).toEqual([1_000, 2_000])
    expect(await history.lastEvents(10, 2_998)).toHaveLength(2)
    history.close()
  })
})

describe('a history file that cannot be used', () => {
  it('is refused to a second writer, who is told, and the first goes on', async () => {
    const path = fresh()
    const { history } = kept(path)
    expect(() => HistoryFile.open(path)).toThrow(
      expect.objectContaining({
        code: 'EXO_HISTORY_UNUSABLE',
        message: `the history ${JSON.stringify(path)} is written by another process`,
      }),
    )
    history.add(lost(1, 3))
    expect(counts(await all(history))).toEqual([3])
    history.close()
    HistoryFile.open(path).close()
  })

  it.each([
    [
      'no database',
      (path: string) => writeFileSync(path, 'this is no database at all. '.repeat(100)),
      'not a database',
    ],
    ['a database of another program', (path: string) => foreign(path), 'is a database of another program'],
    ['a history of a newer version', (path: string) => newer(path), 'which a newer Exovisor wrote'],
    ['a history that was cut off', (path: string) => cutOff(path), 'malformed'],
    ['a history with overwritten pages', (path: string) => scribbled(path), '/broken|malformed/'],
  ])('is named when it is %s', (_, make, why) => {
    const path = fresh()
    make(path)
    const before = readFileSync(path)
    const message = why.startsWith('/')
      ? expect.stringMatching(why.slice(1, -1))
      : expect.stringContaining(why)
    expect(() => HistoryFile.open(path)).toThrow(
      expect.objectContaining({ code: 'EXO_HISTORY_UNUSABLE', message, details: { path } }),
    )
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  it('is named when the directory cannot be made, or Node.js has no SQLite', () => {
    expect(() => HistoryFile.open('/dev/null/history.sqlite')).toThrow(
      expect.objectContaining({ code: 'EXO_HISTORY_UNUSABLE' }),
    )
    expect(() => HistoryFile.open(fresh(), null as never)).toThrow(
      expect.objectContaining({ message: expect.stringContaining('needs a Node.js with SQLite') }),
    )
  })

  it('is given up when it fails later, with one line in the log, and memory goes on', async () => {
    const { clock, history, file, lines } = kept(fresh())
    history.add(lost(0, 1))
    file!.close()
    await clock.advance(1_000)
    history.add(lost(0, 2))
    await clock.advance(10_000)
    expect(lines).toEqual(['the history file is given up; what is in memory stays'])
    expect(history.file).toBeUndefined()
    expect(counts(await all(history))).toEqual([1, 2])
    expect(clock.pending).toBe(0)
    history.close()
  })
})

describe('a history without a file', () => {
  it('keeps the newest entries', async () => {
    const { history } = kept(undefined, { capacity: 3 })
    for (let index = 1; index <= 5; index += 1) history.add(lost(index * 10, index))
    expect(counts(await all(history))).toEqual([3, 4, 5])
    expect(counts(await all(history, 40))).toEqual([4, 5])
    expect(history.oldest).toBe(30)
  })
})

function foreign(path: string): void {
  const database = new DatabaseSync(path)
  database.exec('CREATE TABLE bills (amount)')
  database.close()
}

function newer(path: string): void {
  HistoryFile.open(path).close()
  const database = new DatabaseSync(path)
  database.exec('PRAGMA user_version = 2')
  database.close()
}

function filled(path: string): number {
  const file = HistoryFile.open(path)
  file.write(Array.from({ length: 5_000 }, (_, index) => lost(index, index)))
  file.close()
  return statSync(path).size
}

function cutOff(path: string): void {
  truncateSync(path, Math.floor(filled(path) / 2 / 4_096) * 4_096)
}

function scribbled(path: string): void {
  const size = filled(path)
  const bytes = readFileSync(path)
  bytes.fill(0xa5, Math.floor(size / 2 / 4_096) * 4_096, Math.floor(size / 2 / 4_096) * 4_096 + 8_192)
  writeFileSync(path, bytes)
}
