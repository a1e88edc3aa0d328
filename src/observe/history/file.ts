import { chmodSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { ExovisorError, thrownText } from '../../errors.ts'
import type { HistoryEntry, HistoryQuery } from './entry.ts'

/** What of `node:sqlite` is used. Node.js has it from version 22.13 on. */
export type Sqlite = Pick<typeof import('node:sqlite'), 'DatabaseSync'>

/** Tells files of ours from those of other programs: "EXOV". */
const APPLICATION_ID = 0x45_58_4f_56
const SCHEMA_VERSION = 1

/** Result codes of SQLite: https://sqlite.org/rescode.html */
const BUSY = 5

/** The file does not grow without end, whatever happens within the time that it is kept for. */
const MOST_ENTRIES = 2_000_000
/** Old entries go in parts: one part takes milliseconds. */
const REMOVED_AT_ONCE = 5_000

const schema = `
  CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    time REAL NOT NULL,
    type TEXT NOT NULL,
    path TEXT NOT NULL,
    facts TEXT NOT NULL
  ) STRICT;
  CREATE INDEX entries_by_time ON entries (time);
  CREATE INDEX entries_by_type ON entries (type, id);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`

interface Row {
  readonly id: number
  readonly time: number
  readonly type: string
  readonly path: string
  readonly facts: string
}

const sqliteOfNode = (): Sqlite | undefined => process.getBuiltinModule('node:sqlite')

/** The error of a history file that cannot be used. */
function unusable(path: string, why: string, cause?: unknown): ExovisorError {
  return new ExovisorError('EXO_HISTORY_UNUSABLE', `the history ${JSON.stringify(path)} ${why}`, {
    cause,
    details: { path },
  })
}

/** Gives what SQLite throws the name of the file. */
function guarded<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof ExovisorError) throw cause
    const isLocked = (cause as { readonly errcode?: unknown }).errcode === BUSY
    const why = isLocked ? 'is written by another process' : `cannot be used: ${thrownText(cause)}`
    throw unusable(path, why, cause)
  }
}

/**
 * A history in a file of SQLite. One writer alone: the file is locked for as long as it is open, by a lock that ends with the
 * process (`locking_mode=EXCLUSIVE`). In write-ahead mode, so that a process that is killed leaves a file that is whole.
 */
export class HistoryFile {
  readonly path: string
  readonly #database: DatabaseSync
  readonly #insert: StatementSync
  readonly #page: StatementSync
  readonly #newest: StatementSync

  private constructor(path: string, database: DatabaseSync) {
    this.path = path
    this.#database = database
    this.#insert = database.prepare('INSERT INTO entries (time, type, path, facts) VALUES (?, ?, ?, ?)')
    this.#page = database.prepare(
      'SELECT id, time, type, path, facts FROM entries WHERE id > ? AND time >= ? ORDER BY id LIMIT ?',
    )
    this.#newest = database.prepare(
      "SELECT id, time, type, path, facts FROM entries WHERE type = 'event' AND id < ? AND time >= ? ORDER BY id DESC LIMIT ?",
    )
  }

  /**
   * Opens the file, or makes it.
   * @throws EXO_HISTORY_UNUSABLE when another process writes it, when it is broken or of another program, or without SQLite
   */
  static open(path: string, sqlite: Sqlite | undefined = sqliteOfNode()): HistoryFile {
    if (!sqlite) throw unusable(path, `needs a Node.js with SQLite, which ${process.version} has not`)
    return guarded(path, () => {
      mkdirSync(dirname(path), { recursive: true })
      const database = new sqlite.DatabaseSync(path)
      try {
        prepare(database, path)
        chmodSync(path, 0o600)
        return new HistoryFile(path, database)
      } catch (error) {
        database.close()
        throw error
      }
    })
  }

  /** Writes all or nothing. @throws EXO_HISTORY_UNUSABLE */
  write(entries: readonly HistoryEntry[]): void {
    guarded(this.path, () => {
      this.#database.exec('BEGIN')
      try {
        for (const { time, type, path, ...facts } of entries)
          this.#insert.run(time, type, path, JSON.stringify(facts))
        this.#database.exec('COMMIT')
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
        throw error
      }
    })
  }

  /** A page of entries in the order of writing, with the id to go on after. @throws EXO_HISTORY_UNUSABLE */
  page(
    { since = 0, types }: HistoryQuery,
    after: number,
    size: number,
  ): { readonly entries: readonly HistoryEntry[]; readonly last: number | undefined } {
    const rows = guarded(this.path, () => this.#page.all(after, since, size)) as unknown as readonly Row[]
    const wanted = rows.filter(({ type }) => types === undefined || types.some(each => each === type))
    return { entries: wanted.flatMap(entryOf), last: rows.length < size ? undefined : rows.at(-1)?.id }
  }

  /** A page of events, newest first. @throws EXO_HISTORY_UNUSABLE */
  newestEvents(
    before: number,
    since: number,
    size: number,
  ): { readonly entries: readonly HistoryEntry[]; readonly last: number | undefined } {
    const rows = guarded(this.path, () => this.#newest.all(before, since, size)) as unknown as readonly Row[]
    return { entries: rows.flatMap(entryOf), last: rows.length < size ? undefined : rows.at(-1)?.id }
  }

  /** Removes a part of what is older than that, and of what is too much. @throws EXO_HISTORY_UNUSABLE */
  removeBefore(time: number, most = MOST_ENTRIES): number {
    return guarded(this.path, () => {
      const { newest } = this.#database.prepare('SELECT max(id) AS newest FROM entries').get() ?? {}
      const removed = this.#database
        .prepare(
          'DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE time < ? OR id <= ? ORDER BY id LIMIT ?)',
        )
        .run(time, Number(newest ?? 0) - most, REMOVED_AT_ONCE)
      return Number(removed.changes)
    })
  }

  /** The time of the oldest entry. @throws EXO_HISTORY_UNUSABLE */
  get oldest(): number | undefined {
    const row = guarded(this.path, () => this.#page.get(0, 0, 1)) as unknown as Row | undefined
    return row?.time
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }
}

function prepare(database: DatabaseSync, path: string): void {
  database.exec('PRAGMA locking_mode = EXCLUSIVE')
  const numberOf = (pragma: string): number =>
    Number(Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0])
  const [application, version] = [numberOf('application_id'), numberOf('user_version')]
  const { tables } = database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get() ?? {}
  const isNew = application === 0 && version === 0 && tables === 0
  if (!isNew && application !== APPLICATION_ID) throw unusable(path, 'is a database of another program')
  if (version > SCHEMA_VERSION)
    throw unusable(
      path,
      `has version ${version}, which a newer Exovisor wrote; this one reads ${SCHEMA_VERSION}`,
    )
  // Not before: it changes the file.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
  if (isNew) database.exec(`BEGIN;${schema}COMMIT`)
  const found = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {})[0]
  if (found !== 'ok') throw unusable(path, `is broken: ${String(found)}`)
}

/** A row that somebody else has changed is passed over. */
function entryOf({ time, type, path, facts }: Row): readonly HistoryEntry[] {
  try {
    return [{ ...(JSON.parse(facts) as object), type, time, path } as HistoryEntry]
  } catch {
    return []
  }
}
