import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isExovisorError } from '../../src/errors.ts'
import {
  type DType,
  dtypeBytes,
  type Frame,
  frameFlags,
  jsonFrame,
  jsonPayload,
  payloadAsF32,
  payloadAsI32,
  signalFrame,
  tensorFrame,
} from '../../src/network/frame.ts'
import { decodeFrame, encodeFrame, FRAME_HEADER_BYTES } from '../../src/network/frame-codec.ts'
import { FrameAssembler, splitFrame } from '../../src/network/frame-parts.ts'

const counter = fc.oneof(
  fc.maxSafeNat(),
  fc.constantFrom(0, 1, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
)
const flags = fc.nat(0xffff)
const address = fc.record({ epoch: counter, request: counter, sequence: counter, position: counter, flags })

const tensors: fc.Arbitrary<Frame> = fc
  .record({
    address,
    dtype: fc.constantFrom<DType>('f32', 'i32', 'u8'),
    shape: fc.array(fc.nat(7), { minLength: 1, maxLength: 4 }),
    seed: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  })
  .map(({ address, dtype, shape, seed }) => {
    const size = shape.reduce((product, side) => product * side, dtypeBytes[dtype])
    const payload = Uint8Array.from({ length: size }, (_, index) => seed[index % seed.length] ?? 0)
    return { kind: 'tensor', ...address, dtype, shape, payload }
  })
const others: fc.Arbitrary<Frame> = fc.oneof(
  fc
    .tuple(fc.constantFrom('open', 'close', 'error'), address, fc.jsonValue())
    .map(([kind, where, value]) => jsonFrame({ kind, ...where }, value)),
  fc
    .tuple(fc.constantFrom('ping', 'pong', 'close'), counter)
    .map(([kind, sequence]) => signalFrame(kind, sequence)),
  fc
    .tuple(address, fc.array(fc.integer(), { maxLength: 9 }))
    .map(([where, ids]) => tensorFrame({ kind: 'token', ...where }, Int32Array.from(ids))),
)
const frames = fc.oneof(tensors, others)

const plain = (frame: Frame) => ({ ...frame, shape: [...frame.shape], payload: [...frame.payload] })

/** An encoded tensor frame of two floats with one thing changed. */
function broken(change: (bytes: Buffer) => Buffer | undefined): () => Frame {
  const bytes = encodeFrame(tensorFrame({ epoch: 1, request: 2 }, Float32Array.of(1, 2), [1, 2]))
  const changed = change(bytes) ?? bytes
  return () => decodeFrame(changed)
}

describe('the frame codec', () => {
  it('gives back any frame exactly', () => {
    fc.assert(
      fc.property(frames, frame => {
        expect(plain(decodeFrame(encodeFrame(frame)))).toEqual(plain(frame))
      }),
    )
  })

  it('throws nothing but EXO_FRAME_INVALID, whatever bits are changed or missing', () => {
    const damage = fc.record({
      flips: fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 6 }),
      keep: fc.option(fc.nat(200)),
      append: fc.uint8Array({ maxLength: 5 }),
    })
    fc.assert(
      fc.property(frames, damage, (frame, { flips, keep, append }) => {
        const bytes = Buffer.concat([encodeFrame(frame), append])
        for (const [at, mask] of flips) if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ mask
        try {
          decodeFrame(keep === null ? bytes : bytes.subarray(0, keep))
        } catch (error) {
          if (!isExovisorError(error, 'EXO_FRAME_INVALID')) throw error
        }
      }),
      { numRuns: 500 },
    )
  })

  it('throws nothing but EXO_FRAME_INVALID for random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        expect(() => decodeFrame(Buffer.from(bytes))).toThrow(
          expect.objectContaining({ code: 'EXO_FRAME_INVALID' }),
        )
      }),
    )
  })

  it.each([
    ['magic', broken(bytes => void bytes.writeUInt8(0, 0))],
    ['version', broken(bytes => void bytes.writeUInt8(2, 4))],
    ['kind', broken(bytes => void bytes.writeUInt8(99, 5))],
    ['dtype', broken(bytes => void bytes.writeUInt8(0, 8))],
    ['rank', broken(bytes => void bytes.writeUInt8(5, 9))],
    ['reserved', broken(bytes => void bytes.writeUInt16LE(1, 10))],
    ['shape', broken(bytes => void bytes.writeUInt32LE(0xffffffff, 48))],
    ['shape[3]', broken(bytes => void bytes.writeUInt32LE(1, 60))],
    ['epoch', broken(bytes => void bytes.writeUInt32LE(0x200000, 20))],
    ['size', broken(bytes => bytes.subarray(0, FRAME_HEADER_BYTES - 1))],
    ['payload', broken(bytes => bytes.subarray(0, bytes.length - 1))],
    ['payload', broken(bytes => Buffer.concat([bytes, Buffer.of(0)]))],
  ])('names the field %s when it is wrong', (field, decode) => {
    expect(decode).toThrow(
      expect.objectContaining({ code: 'EXO_FRAME_INVALID', details: expect.objectContaining({ field }) }),
    )
  })

  it('says in the message which value came and what was expected', () => {
    expect(broken(bytes => void bytes.writeUInt8(9, 4))).toThrow('tensor frame: version is 9, expected 1')
  })

  it('refuses to encode what it would not decode', () => {
    const frame = tensorFrame({ epoch: 1, request: 1 }, Int32Array.of(1, 2, 3))
    for (const wrong of [
      { ...frame, shape: [2] },
      { ...frame, shape: [1, 1, 1, 1, 3] },
      { ...frame, epoch: 2 ** 53 },
      { ...frame, request: -1 },
      { ...frame, position: 0.5 },
      { ...frame, flags: 0x10000 },
      { ...frame, kind: 'ping' as const },
      { ...frame, kind: 'open' as const },
    ])
      expect(() => encodeFrame(wrong)).toThrow(expect.objectContaining({ code: 'EXO_FRAME_INVALID' }))
  })

  it('refuses payloads above the limits, and JSON above a lower one', () => {
    const limits = { maxPayloadBytes: 8, maxJsonBytes: 4 }
    expect(() => encodeFrame(tensorFrame({ epoch: 0, request: 0 }, new Int32Array(3)), limits)).toThrow(
      'at most 8 bytes in i32',
    )
    const open = encodeFrame(jsonFrame({ kind: 'open', epoch: 0, request: 0 }, 'long'))
    expect(() => decodeFrame(open, limits)).toThrow('at most 4 bytes in u8')
  })

  it('keeps the sample flag', () => {
    const frame = tensorFrame({ epoch: 1, request: 1, flags: frameFlags.sample }, Float32Array.of(1))
    expect(decodeFrame(encodeFrame(frame)).flags & frameFlags.sample).toBe(1)
  })
})

describe('payloads', () => {
  it('are copied out into aligned buffers of their own, even from an odd offset', () => {
    const encoded = encodeFrame(tensorFrame({ epoch: 1, request: 1 }, Float32Array.of(1.5, -2)))
    const shifted = Buffer.concat([Buffer.alloc(3), encoded]).subarray(3)
    const values = payloadAsF32(decodeFrame(shifted))
    expect([...values]).toEqual([1.5, -2])
    expect(values.buffer.byteLength).toBe(8)
  })

  it('are refused as another type than they have', () => {
    const frame = tensorFrame({ epoch: 1, request: 1 }, Int32Array.of(7))
    expect([...payloadAsI32(frame)]).toEqual([7])
    expect(() => payloadAsF32(frame)).toThrow('dtype is i32, expected f32')
  })

  it('are refused when they are no UTF-8 JSON', () => {
    const frame = {
      ...jsonFrame({ kind: 'error', epoch: 1, request: 1 }, ''),
      payload: Buffer.of(0x22, 0xff),
      shape: [2],
    }
    expect(() => jsonPayload(frame)).toThrow('expected UTF-8 JSON in a frame of kind error')
  })
})

describe('frames in parts', () => {
  it('come together again whatever their size is', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.integer({ min: 20, max: 90 }),
        (data, partBytes) => {
          const frame = encodeFrame({
            ...jsonFrame({ kind: 'open', epoch: 1, request: 1 }, ''),
            payload: data,
            shape: [data.length],
          })
          const assembler = new FrameAssembler(1_000)
          const results = splitFrame(frame, partBytes).map(part => assembler.push(part))
          expect(results.at(-1)).toEqual(frame)
          expect(results.slice(0, -1).every(result => result === undefined)).toBe(true)
        },
      ),
    )
  })

  it('may have small frames between them', () => {
    const frame = encodeFrame(tensorFrame({ epoch: 1, request: 1 }, new Int32Array(100)))
    const [first, second] = splitFrame(frame, 300)
    const ping = encodeFrame(signalFrame('ping', 1))
    const assembler = new FrameAssembler(1_000)
    expect([first, ping, second].map(part => assembler.push(part ?? ping))).toEqual([undefined, ping, frame])
  })

  it('are refused when one is missing, repeated, empty, or asks for too much memory', () => {
    const parts = splitFrame(encodeFrame(tensorFrame({ epoch: 1, request: 1 }, new Int32Array(200))), 300)
    const feed =
      (order: readonly number[], limit = 1_000) =>
      () => {
        const assembler = new FrameAssembler(limit)
        for (const index of order) assembler.push(parts[index] ?? Buffer.alloc(0))
      }
    expect(feed([1])).toThrow('part offset is 300, expected 0')
    expect(feed([0, 0])).toThrow('part offset is 0, expected 300')
    expect(feed([0], 500)).toThrow('part total is 864, expected at most 564 bytes')
    expect(() => new FrameAssembler(1_000).push((parts[0] ?? Buffer.alloc(0)).subarray(0, 16))).toThrow(
      'part size is 0',
    )
  })
})
