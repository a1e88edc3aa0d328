import { readFile, stat } from 'node:fs/promises'
import { type ErrorCode, ExovisorError } from '../errors.ts'

/**
 * Reads a file of a model directory that must not be larger than `limit` bytes.
 * @returns undefined if there is no such file
 * @throws `code` naming the path, for anything that is no regular file, too large or unreadable
 */
export async function readSmallFile(
  path: string,
  limit: number,
  code: ErrorCode,
): Promise<Buffer | undefined> {
  let size: number
  try {
    const found = await stat(path)
    if (!found.isFile()) throw new ExovisorError(code, `${path} is not a file`, { details: { path } })
    size = found.size
    if (size <= limit) return await readFile(path)
  } catch (error) {
    if (error instanceof ExovisorError) throw error
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new ExovisorError(code, `${path} cannot be read: ${reason(error)}`, {
      details: { path },
      cause: error,
    })
  }
  throw new ExovisorError(code, `${path} has ${size} bytes; expected at most ${limit}`, {
    details: { path, size, limit },
  })
}

/**
 * Parses the bytes of a JSON file whose outermost value must be an object.
 * @throws `code` naming the path
 */
export function parseJsonObject(path: string, bytes: Uint8Array, code: ErrorCode): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new ExovisorError(code, `${path} is not JSON: ${reason(error)}`, {
      details: { path },
      cause: error,
    })
  }
  if (!isObject(value)) {
    throw new ExovisorError(code, `${path} holds ${kindOf(value)}; expected a JSON object`, {
      details: { path },
    })
  }
  return value
}

/** True for what JSON calls an object. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A value from a file as it is shown in a message: JSON, cut short. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))
