import { frameInvalid } from './frame.ts'
import { FRAME_HEADER_BYTES } from './frame-codec.ts'

/*
 * A large frame travels as several messages, so that a heartbeat need not wait behind it on a slow network,
 * and so that its receiver hears of the sender in the meantime. Each part is, little endian:
 *
 *   0 u32 magic "EXOP"    4 u32 bytes of the whole frame    8 u32 offset of this part    12 u32 reserved, 0
 *   16 a piece of the encoded frame
 */

const PART_MAGIC = 0x504f5845
const PART_HEADER_BYTES = 16

/** Frames above this size are split. */
const PART_BYTES = 256 << 10

/** An encoded frame as the messages that carry it: itself if it is small. */
export function splitFrame(frame: Buffer, partBytes: number = PART_BYTES): readonly Buffer[] {
  if (frame.byteLength <= partBytes) return [frame]
  const parts: Buffer[] = []
  for (let offset = 0; offset < frame.byteLength; offset += partBytes) {
    const piece = frame.subarray(offset, offset + partBytes)
    const part = Buffer.allocUnsafe(PART_HEADER_BYTES + piece.byteLength)
    part.writeUInt32LE(PART_MAGIC, 0)
    part.writeUInt32LE(frame.byteLength, 4)
    part.writeUInt32LE(offset, 8)
    part.writeUInt32LE(0, 12)
    part.set(piece, PART_HEADER_BYTES)
    parts.push(part)
  }
  return parts
}

/** Puts frames together again. Between two parts of one frame only small frames may come, and no other parts. */
export class FrameAssembler {
  readonly #maxBytes: number
  #whole: Buffer | undefined
  #filled = 0

  /** @param maxPayloadBytes largest payload that a frame may state, so that a part cannot ask for all memory */
  constructor(maxPayloadBytes: number) {
    this.#maxBytes = maxPayloadBytes + FRAME_HEADER_BYTES
  }

  /**
   * Takes a message; answers an encoded frame once it is whole.
   *
   * @throws EXO_FRAME_INVALID when a part does not go on where the last one ended
   */
  push(message: Buffer): Buffer | undefined {
    if (message.byteLength < PART_HEADER_BYTES || message.readUInt32LE(0) !== PART_MAGIC) return message
    const total = message.readUInt32LE(4)
    const offset = message.readUInt32LE(8)
    const piece = message.subarray(PART_HEADER_BYTES)
    const expectedTotal = this.#whole?.byteLength ?? total
    if (total > this.#maxBytes) throw frameInvalid('part total', total, `at most ${this.#maxBytes} bytes`)
    if (total !== expectedTotal)
      throw frameInvalid('part total', total, `${expectedTotal} as in the parts before`)
    if (offset !== this.#filled) throw frameInvalid('part offset', offset, `${this.#filled}`)
    if (piece.byteLength === 0 || offset + piece.byteLength > total)
      throw frameInvalid('part size', piece.byteLength, `1 to ${total - offset} bytes`)
    this.#whole ??= Buffer.allocUnsafeSlow(total)
    this.#whole.set(piece, offset)
    this.#filled += piece.byteLength
    if (this.#filled < total) return undefined
    const whole = this.#whole
    this.#whole = undefined
    this.#filled = 0
    return whole
  }
}
