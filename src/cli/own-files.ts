import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExovisorError, thrownText } from '../errors.ts'

/** A file that a command writes, and by what it knows one of an earlier time again. */
export interface OwnFile {
  readonly name: string
  readonly text: string
  /** Whether a file of that name that is there already may be replaced. */
  readonly isOurs: (text: string) => boolean
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'

function refuseForeign(path: string, { isOurs }: OwnFile): void {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return
    throw error
  }
  if (!isOurs(text))
    throw new ExovisorError(
      'EXO_USAGE',
      `${path} was written by somebody else; expected none, or one of this command`,
      { details: { path } },
    )
}

/** What stands in the way of a file is no file, and stays. */
function discard(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) rmSync(path)
}

/**
 * Writes files into a directory, which is made if it is not there. Nobody ever sees a part of one: each is written beside its place and then moved
 * there, and the first is moved when all are written.
 *
 * @returns their paths
 * @throws EXO_USAGE when the directory cannot take them, or has a foreign file of such a name
 */
export function writeOwnFiles(directory: string, files: readonly OwnFile[]): readonly string[] {
  const placed = files.map(file => ({ file, path: join(directory, file.name) }))
  const beside = (path: string): string => `${path}.${process.pid}.part`
  const begun: string[] = []
  try {
    mkdirSync(directory, { recursive: true })
    for (const { file, path } of placed) refuseForeign(path, file)
    for (const { file, path } of placed) {
      begun.push(beside(path))
      writeFileSync(beside(path), file.text)
    }
    for (const { path } of placed) renameSync(beside(path), path)
  } catch (error) {
    for (const path of begun) discard(path)
    if (error instanceof ExovisorError) throw error
    throw new ExovisorError(
      'EXO_USAGE',
      `--output: ${JSON.stringify(directory)} cannot be written: ${thrownText(error)}`,
      { cause: error, details: { directory } },
    )
  }
  return placed.map(({ path }) => path)
}
