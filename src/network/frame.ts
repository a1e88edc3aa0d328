import { ExovisorError } from '../errors.ts'

/** Element type of a payload; little endian on the wire. `u8` also carries UTF-8 JSON. */
export type DType = 'f32' | 'i32' | 'u8'

/** Size of one element in bytes. */
export const dtypeBytes = { f32: 4, i32: 4, u8: 1 } as const satisfies Record<DType, number>

/** What a frame is for. `ping` and `pong` are answered by the link and never reach its owner. */
export type FrameKind = 'open' | 'tensor' | 'token' | 'close' | 'error' | 'ping' | 'pong' | 'credit'

/** Bits of {@link Frame.flags}; the others are free. */
export const frameFlags = {
  /** The last stage samples a token after this tensor. */
  sample: 1,
} as const

/** One message between two neighbouring stages. */
export interface Frame {
  readonly kind: FrameKind
  /** Epoch of the placement that the frame belongs to; integer < 2^53. */
  readonly epoch: number
  /** The generation that the frame belongs to, 0 for the whole link; integer < 2^53. */
  readonly request: number
  /** Number of the frame in its request; integer < 2^53. */
  readonly sequence: number
  /** Position of the first row in the sequence of tokens; integer < 2^53. */
  readonly position: number
  /** See {@link frameFlags}; 16 bits. */
  readonly flags: number
  readonly dtype: DType
  /** At most four sizes. None means that there is no payload. */
  readonly shape: readonly number[]
  /** Raw elements. In a received frame this is a view that need not be aligned: see {@link payloadAsF32}. */
  readonly payload: Uint8Array
}

/** Who a frame belongs to; what is left out is 0. */
export interface FrameAddress {
  readonly epoch: number
  readonly request: number
  readonly sequence?: number
  readonly position?: number
  readonly flags?: number
}

/** A frame of tensor or token kind around `data`, which must fill `shape` exactly. The bytes are not copied. */
export function tensorFrame(
  address: FrameAddress & { readonly kind?: 'tensor' | 'token' },
  data: Float32Array | Int32Array,
  shape: readonly number[] = [data.length],
): Frame {
  return {
    kind: address.kind ?? 'tensor',
    ...addressFields(address),
    dtype: data instanceof Float32Array ? 'f32' : 'i32',
    shape,
    payload: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  }
}

/** A frame whose payload is `value` as UTF-8 JSON. */
export function jsonFrame(
  address: FrameAddress & { readonly kind: 'open' | 'close' | 'error' },
  value: unknown,
): Frame {
  const payload = Buffer.from(JSON.stringify(value), 'utf8')
  return { kind: address.kind, ...addressFields(address), dtype: 'u8', shape: [payload.length], payload }
}

/** Lets a generation go on: tokens may now come for every position before `position`. */
export function creditFrame(address: FrameAddress & { readonly position: number }): Frame {
  return { kind: 'credit', ...addressFields(address), dtype: 'u8', shape: [], payload: new Uint8Array() }
}

/** A frame without a payload. */
export function signalFrame(kind: 'ping' | 'pong' | 'close', sequence: number): Frame {
  return {
    kind,
    ...addressFields({ epoch: 0, request: 0, sequence }),
    dtype: 'u8',
    shape: [],
    payload: new Uint8Array(),
  }
}

/**
 * The payload as 32-bit floats, copied into an ArrayBuffer of its own, so that it may be transferred.
 *
 * @throws EXO_FRAME_INVALID when the payload has another type
 */
export function payloadAsF32(frame: Frame): Float32Array<ArrayBuffer> {
  return new Float32Array(ownBytes(frame, 'f32'))
}

/**
 * The payload as 32-bit integers, copied into an ArrayBuffer of its own.
 *
 * @throws EXO_FRAME_INVALID when the payload has another type
 */
export function payloadAsI32(frame: Frame): Int32Array<ArrayBuffer> {
  return new Int32Array(ownBytes(frame, 'i32'))
}

/**
 * The payload parsed as JSON; its size was bounded when the frame was decoded. What it holds is for the
 * caller to check.
 *
 * @throws EXO_FRAME_INVALID when the payload is not UTF-8 JSON
 */
export function jsonPayload(frame: Frame): unknown {
  expectType(frame, 'u8')
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(frame.payload))
  } catch (cause) {
    throw frameInvalid(
      'payload',
      `${frame.payload.byteLength} bytes`,
      `UTF-8 JSON in a frame of kind ${frame.kind}`,
      cause,
    )
  }
}

/** The error for a field that breaks the format. */
export function frameInvalid(
  field: string,
  value: unknown,
  expected: string,
  cause?: unknown,
): ExovisorError {
  return new ExovisorError(
    'EXO_FRAME_INVALID',
    `tensor frame: ${field} is ${String(value)}, expected ${expected}`,
    {
      details: { field, value: typeof value === 'number' ? value : String(value), expected },
      cause,
    },
  )
}

function addressFields({ epoch, request, sequence = 0, position = 0, flags = 0 }: FrameAddress) {
  return { epoch, request, sequence, position, flags }
}

function ownBytes(frame: Frame, dtype: DType): ArrayBuffer {
  expectType(frame, dtype)
  const bytes = new Uint8Array(frame.payload.byteLength)
  bytes.set(frame.payload)
  return bytes.buffer
}

function expectType(frame: Frame, dtype: DType): void {
  if (frame.dtype !== dtype)
    throw frameInvalid('dtype', frame.dtype, `${dtype} in this frame of kind ${frame.kind}`)
}
