import { describe, expect, it } from 'vitest'
import {
  bytesField,
  concat,
  floatField,
  intField,
  messageField,
  stringField,
} from '../../src/engine/protobuf.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

// The expected bytes are those of the examples in the protobuf encoding guide, or worked out by hand.
describe('the protobuf writer', () => {
  it('writes whole numbers as varints', () => {
    expect(hex(intField(1, 150))).toBe('089601')
    expect(hex(intField(1, 0))).toBe('0800')
    expect(hex(intField(20, 7))).toBe('a00107')
  })

  it('writes file offsets beyond 4 GB exactly', () => {
    expect(hex(intField(1, 2 ** 40 + 1))).toBe('08818080808020')
    expect(hex(intField(1, Number.MAX_SAFE_INTEGER))).toBe('08ffffffffffffff0f')
  })

  it('writes floats, texts, bytes and embedded messages', () => {
    expect(hex(floatField(2, 1))).toBe('150000803f')
    expect(hex(stringField(2, 'testing'))).toBe('120774657374696e67')
    expect(hex(bytesField(3, Uint8Array.of(1, 2)))).toBe('1a020102')
    expect(hex(messageField(3, [intField(1, 150)]))).toBe('1a03089601')
    expect(hex(concat([]))).toBe('')
  })
})
