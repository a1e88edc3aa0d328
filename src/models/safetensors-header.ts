import { ExovisorError } from '../errors.ts'
import { duplicateKey } from './duplicate-key.ts'
import { isObject, shown } from './json-file.ts'

/** The limit of the format's own reference reader. */
const maxHeaderBytes = 100_000_000

/** Bytes of the number in front of the header that gives its length. */
export const prefixBytes = 8

const maxRank = 8

/** Bits of one element, for each element type of the format. */
const elementBits: ReadonlyMap<string, number> = new Map([
  ['BOOL', 8],
  ['F4', 4],
  ['F6_E2M3', 6],
  ['F6_E3M2', 6],
  ['U8', 8],
  ['I8', 8],
  ['F8_E5M2', 8],
  ['F8_E4M3', 8],
  ['F8_E8M0', 8],
  ['I16', 16],
  ['U16', 16],
  ['F16', 16],
  ['BF16', 16],
  ['I32', 32],
  ['U32', 32],
  ['F32', 32],
  ['F64', 64],
  ['I64', 64],
  ['U64', 64],
  ['C64', 64],
])

/** One tensor as the header of a safetensors file describes it. */
export interface HeaderEntry {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  /** Byte offset from the start of the file. */
  readonly offset: number
  readonly bytes: number
}

/** An EXO_SAFETENSORS_INVALID that names the file first. */
export function headerFault(
  file: string,
  fault: string,
  details: Record<string, unknown> = {},
): ExovisorError {
  return new ExovisorError('EXO_SAFETENSORS_INVALID', `${file}: ${fault}`, { details: { file, ...details } })
}

/**
 * Reads the first bytes of a file: how long the header is.
 * @param prefix the first {@link prefixBytes} bytes of the file, fewer if it is shorter
 * @throws EXO_SAFETENSORS_INVALID
 */
export function headerLength(file: string, prefix: Uint8Array, fileBytes: number): number {
  if (prefix.length < prefixBytes) {
    throw headerFault(
      file,
      `has ${fileBytes} bytes; expected at least ${prefixBytes} for the length of the header`,
    )
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset, prefixBytes).getBigUint64(0, true)
  if (length > BigInt(maxHeaderBytes) || length < 2n) {
    throw headerFault(file, `header length at offset 0 is ${length}; expected 2 to ${maxHeaderBytes}`)
  }
  if (Number(length) > fileBytes - prefixBytes) {
    throw headerFault(
      file,
      `header length at offset 0 is ${length}, but the file has ${fileBytes} bytes: it is truncated`,
    )
  }
  return Number(length)
}

/**
 * Parses a header and checks that its tensors fill the rest of the file exactly: no overlap, no hole, nothing beyond.
 * Format: https://github.com/huggingface/safetensors#format
 *
 * @param header the bytes after the length
 * @throws EXO_SAFETENSORS_INVALID naming file, tensor, offset and what was expected
 */
export function parseHeader(file: string, header: Uint8Array, fileBytes: number): readonly HeaderEntry[] {
  const start = prefixBytes + header.length
  const entries: HeaderEntry[] = []
  for (const [name, value] of Object.entries(headerObject(file, header))) {
    if (name !== '__metadata__') entries.push(parseEntry(file, name, value, start))
  }
  entries.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes)
  requireFilled(file, entries, start, fileBytes)
  return entries
}

function headerObject(file: string, header: Uint8Array): Record<string, unknown> {
  if (header[0] !== 0x7b) {
    throw headerFault(file, `header begins with byte ${header[0]} at offset ${prefixBytes}; expected { (123)`)
  }
  let text: string
  let value: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(header)
    value = JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw headerFault(file, `header at offset ${prefixBytes} is not JSON: ${reason.slice(0, 200)}`)
  }
  const twice = duplicateKey(text)
  if (twice !== undefined) throw headerFault(file, `header names ${shown(twice)} twice`, { tensor: twice })
  return isObject(value) ? value : {}
}

function parseEntry(file: string, name: string, value: unknown, start: number): HeaderEntry {
  const fault = (text: string) =>
    headerFault(file, `tensor ${shown(name)} ${text}`, { tensor: name.slice(0, 256) })
  if (!isObject(value))
    throw fault(`is ${shown(value)}; expected an object with dtype, shape and data_offsets`)
  const { dtype, shape, data_offsets: range } = value
  const bits = typeof dtype === 'string' ? elementBits.get(dtype) : undefined
  if (typeof dtype !== 'string' || bits === undefined) {
    throw fault(`has dtype ${shown(dtype)}; expected one of ${[...elementBits.keys()].join(', ')}`)
  }
  if (!isSizes(shape) || shape.length > maxRank) {
    throw fault(`has shape ${shown(shape)}; expected at most ${maxRank} whole numbers from 0`)
  }
  if (!isSizes(range) || range.length !== 2) {
    throw fault(`has data_offsets ${shown(range)}; expected two whole numbers from 0`)
  }
  const [begin = 0, end = 0] = range
  if (end < begin)
    throw fault(`has data_offsets ${shown(range)}; expected the end not to be before the beginning`)
  // Bits first and in BigInt: a shape may multiply to more than a double holds.
  const needed = shape.reduce((product, dimension) => product * BigInt(dimension), BigInt(bits))
  if (needed !== BigInt(end - begin) * 8n) {
    throw fault(
      `at offset ${start + begin} has ${end - begin} bytes; expected ${Number(needed) / 8} for ${dtype} ${shown(shape)}`,
    )
  }
  return { name, dtype, shape, offset: start + begin, bytes: end - begin }
}

const isSizes = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every(item => Number.isSafeInteger(item) && item >= 0)

function requireFilled(
  file: string,
  entries: readonly HeaderEntry[],
  start: number,
  fileBytes: number,
): void {
  let filled = start
  for (const { name, offset, bytes } of entries) {
    const fault = (text: string) =>
      headerFault(file, `tensor ${shown(name)} at offset ${offset} ${text}`, {
        tensor: name.slice(0, 256),
        offset,
      })
    if (offset < filled) throw fault(`overlaps the one before; expected offset ${filled}`)
    if (offset > filled) throw fault(`leaves a hole; expected offset ${filled}`)
    filled = offset + bytes
    if (filled > fileBytes) {
      throw fault(`ends at ${filled}, beyond the ${fileBytes} bytes of the file: it is truncated`)
    }
  }
  if (filled < fileBytes) {
    throw headerFault(file, `has ${fileBytes} bytes; expected ${filled}, where its last tensor ends`)
  }
}
