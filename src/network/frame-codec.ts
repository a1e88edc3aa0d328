import { type DType, dtypeBytes, type Frame, type FrameKind, frameInvalid } from './frame.ts'

/*
 * A frame on the wire, little endian:
 *
 *    0 u32 magic "EXOF"      12 u32 payload bytes    32 u64 sequence
 *    4 u8  version           16 u64 epoch            40 u64 position
 *    5 u8  kind              24 u64 request          48 u32 shape[4], unused sizes are 0
 *    6 u16 flags                                     64 payload
 *    8 u8  dtype
 *    9 u8  rank
 *   10 u16 reserved, 0
 */

/** Size of the header in bytes. */
export const FRAME_HEADER_BYTES = 64

/** Version of the format that this program speaks. */
const FRAME_VERSION = 1

/** How large a frame may be. */
export interface FrameLimits {
  /** Largest payload in bytes. */
  readonly maxPayloadBytes: number
  /** Largest payload in bytes of a frame that carries JSON. */
  readonly maxJsonBytes: number
}

/** 64 MB for tensors, 8 MB for JSON: the ids of a million tokens. */
export const defaultFrameLimits: FrameLimits = { maxPayloadBytes: 64 << 20, maxJsonBytes: 8 << 20 }

const MAGIC = 0x464f5845
const MAX_RANK = 4
const HIGH_WORD = 0x1_0000_0000

const kindCodes = {
  open: 1,
  tensor: 2,
  token: 3,
  close: 4,
  error: 5,
  ping: 6,
  pong: 7,
  credit: 8,
} as const satisfies Record<FrameKind, number>
const dtypeCodes = { f32: 1, i32: 2, u8: 3 } as const satisfies Record<DType, number>

const kinds = new Map<number, FrameKind>(
  Object.entries(kindCodes).map(([kind, code]) => [code, kind as FrameKind]),
)
const dtypes = new Map<number, DType>(
  Object.entries(dtypeCodes).map(([dtype, code]) => [code, dtype as DType]),
)

/**
 * A frame as bytes.
 *
 * @throws EXO_FRAME_INVALID when a field breaks the format; what is encoded can always be decoded
 */
export function encodeFrame(frame: Frame, limits: FrameLimits = defaultFrameLimits): Buffer {
  checkPayload(frame, limits)
  const { payload, shape } = frame
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.byteLength)
  bytes.writeUInt32LE(MAGIC, 0)
  bytes.writeUInt8(FRAME_VERSION, 4)
  bytes.writeUInt8(kindCodes[frame.kind], 5)
  bytes.writeUInt16LE(integer('flags', frame.flags, 0xffff), 6)
  bytes.writeUInt8(dtypeCodes[frame.dtype], 8)
  bytes.writeUInt8(shape.length, 9)
  bytes.writeUInt16LE(0, 10)
  bytes.writeUInt32LE(payload.byteLength, 12)
  writeU64(bytes, 'epoch', frame.epoch, 16)
  writeU64(bytes, 'request', frame.request, 24)
  writeU64(bytes, 'sequence', frame.sequence, 32)
  writeU64(bytes, 'position', frame.position, 40)
  for (let axis = 0; axis < MAX_RANK; axis += 1) bytes.writeUInt32LE(shape[axis] ?? 0, 48 + 4 * axis)
  bytes.set(payload, FRAME_HEADER_BYTES)
  return bytes
}

/**
 * Bytes as a frame. Its payload is a view of `bytes`: copy it out before keeping it.
 *
 * @throws EXO_FRAME_INVALID naming the field, its value and what was expected
 */
export function decodeFrame(bytes: Buffer, limits: FrameLimits = defaultFrameLimits): Frame {
  if (bytes.byteLength < FRAME_HEADER_BYTES)
    throw frameInvalid('size', bytes.byteLength, `at least ${FRAME_HEADER_BYTES} bytes`)
  const magic = bytes.readUInt32LE(0)
  if (magic !== MAGIC) throw frameInvalid('magic', `0x${magic.toString(16)}`, `0x${MAGIC.toString(16)}`)
  const version = bytes.readUInt8(4)
  if (version !== FRAME_VERSION) throw frameInvalid('version', version, `${FRAME_VERSION}`)
  const reserved = bytes.readUInt16LE(10)
  if (reserved !== 0) throw frameInvalid('reserved', reserved, '0')
  const length = bytes.readUInt32LE(12)
  const present = bytes.byteLength - FRAME_HEADER_BYTES
  if (present !== length)
    throw frameInvalid('payload', `${present} bytes`, `the ${length} bytes that the header states`)
  const frame: Frame = {
    kind: known(kinds, 'kind', bytes.readUInt8(5)),
    flags: bytes.readUInt16LE(6),
    dtype: known(dtypes, 'dtype', bytes.readUInt8(8)),
    shape: readShape(bytes),
    epoch: readU64(bytes, 'epoch', 16),
    request: readU64(bytes, 'request', 24),
    sequence: readU64(bytes, 'sequence', 32),
    position: readU64(bytes, 'position', 40),
    payload: bytes.subarray(FRAME_HEADER_BYTES),
  }
  checkPayload(frame, limits)
  return frame
}

function checkPayload(frame: Frame, limits: FrameLimits): void {
  const { kind, dtype, shape, payload } = frame
  if (shape.length > MAX_RANK) throw frameInvalid('rank', shape.length, `at most ${MAX_RANK}`)
  const limit = dtype === 'u8' ? limits.maxJsonBytes : limits.maxPayloadBytes
  if (payload.byteLength > limit)
    throw frameInvalid('payload', `${payload.byteLength} bytes`, `at most ${limit} bytes in ${dtype}`)
  let elements = shape.length === 0 ? 0 : 1
  for (const size of shape) elements *= integer('shape', size, 0xffff_ffff)
  const bytes = elements * dtypeBytes[dtype]
  if (bytes !== payload.byteLength)
    throw frameInvalid(
      'shape',
      `[${shape.join(', ')}] of ${dtype}`,
      `${payload.byteLength} bytes as in the payload, not ${bytes}`,
    )
  checkKind(kind, dtype, shape)
}

function checkKind(kind: FrameKind, dtype: DType, shape: readonly number[]): void {
  const rank = shape.length
  switch (kind) {
    case 'tensor':
      if (rank === 0) throw frameInvalid('rank', rank, '1 to 4 in a tensor frame')
      return
    case 'token':
      if (dtype !== 'i32') throw frameInvalid('dtype', dtype, 'i32 in a token frame')
      if (rank !== 1) throw frameInvalid('rank', rank, '1 in a token frame')
      return
    case 'open':
    case 'error':
      if (dtype !== 'u8') throw frameInvalid('dtype', dtype, `u8 in an ${kind} frame`)
      if (rank !== 1) throw frameInvalid('rank', rank, `1 in an ${kind} frame`)
      return
    case 'close':
      if (dtype !== 'u8') throw frameInvalid('dtype', dtype, 'u8 in a close frame')
      if (rank > 1) throw frameInvalid('rank', rank, '0 or 1 in a close frame')
      return
    case 'ping':
    case 'pong':
    case 'credit':
      if (rank !== 0) throw frameInvalid('rank', rank, `0 in a ${kind} frame`)
      return
  }
}

function readShape(bytes: Buffer): number[] {
  const rank = bytes.readUInt8(9)
  if (rank > MAX_RANK) throw frameInvalid('rank', rank, `at most ${MAX_RANK}`)
  const shape: number[] = []
  for (let axis = 0; axis < MAX_RANK; axis += 1) {
    const size = bytes.readUInt32LE(48 + 4 * axis)
    if (axis < rank) shape.push(size)
    else if (size !== 0) throw frameInvalid(`shape[${axis}]`, size, `0 beyond the rank of ${rank}`)
  }
  return shape
}

function known<Value>(table: ReadonlyMap<number, Value>, field: string, code: number): Value {
  const value = table.get(code)
  if (value === undefined) throw frameInvalid(field, code, `one of ${[...table.keys()].join(', ')}`)
  return value
}

function integer(field: string, value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw frameInvalid(field, value, `an integer from 0 to ${max}`)
  return value
}

// Two 32-bit words instead of a BigInt: there are four such fields in every frame, and a BigInt is allocated.
function writeU64(bytes: Buffer, field: string, value: number, offset: number): void {
  integer(field, value, Number.MAX_SAFE_INTEGER)
  bytes.writeUInt32LE(value % HIGH_WORD, offset)
  bytes.writeUInt32LE(Math.floor(value / HIGH_WORD), offset + 4)
}

function readU64(bytes: Buffer, field: string, offset: number): number {
  const high = bytes.readUInt32LE(offset + 4)
  const value = high * HIGH_WORD + bytes.readUInt32LE(offset)
  if (!Number.isSafeInteger(value)) throw frameInvalid(field, `about ${value}`, 'an integer below 2^53')
  return value
}
