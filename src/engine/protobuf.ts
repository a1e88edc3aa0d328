const VARINT = 0
const LENGTH_DELIMITED = 2
const FIXED_32 = 5

/** One encoded field of a protobuf message; a message is its fields one after the other. */
export type Field = Uint8Array

/** @param value a whole number from 0 to 2^53 - 1 */
function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest > 127) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return bytes
}

const tag = (field: number, wireType: number): number[] => varint(field * 8 + wireType)

/** A whole number from 0 to 2^53 - 1. */
export const intField = (field: number, value: number): Field =>
  Uint8Array.from([...tag(field, VARINT), ...varint(value)])

/** A 32-bit float. */
export function floatField(field: number, value: number): Field {
  const head = tag(field, FIXED_32)
  const bytes = new Uint8Array(head.length + 4)
  bytes.set(head)
  new DataView(bytes.buffer).setFloat32(head.length, value, true)
  return bytes
}

/** Raw bytes, or the content of an embedded message. */
export function bytesField(field: number, content: Uint8Array): Field {
  return concat([Uint8Array.from([...tag(field, LENGTH_DELIMITED), ...varint(content.length)]), content])
}

export const stringField = (field: number, text: string): Field =>
  bytesField(field, new TextEncoder().encode(text))

/** An embedded message. */
export const messageField = (field: number, fields: readonly Field[]): Field =>
  bytesField(field, concat(fields))

/** Joins fields to a message. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}
