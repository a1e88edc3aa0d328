import type { WeightType } from '../models/model.ts'

/** Bytes of one element. */
export const elementBytes = (type: WeightType): number => (type === 'F32' ? 4 : 2)

/** The value of an IEEE 754 half-precision number, given its 16 bits. */
export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1024 + fraction) * 2 ** (exponent - 25)
}

/** Widens little-endian elements to 32-bit floats, exactly. Fills `target`, as far as `bytes` reaches. */
export function widen(bytes: Uint8Array, type: WeightType, target: Float32Array): void {
  if (type === 'F32') {
    new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(bytes)
    return
  }
  if (type === 'BF16') {
    const words = new Uint32Array(target.buffer, target.byteOffset, target.length)
    for (let i = 0; i < words.length; i++)
      words[i] = (((bytes[2 * i + 1] ?? 0) << 8) | (bytes[2 * i] ?? 0)) << 16
    return
  }
  for (let i = 0; i < target.length; i++)
    target[i] = fromFloat16(((bytes[2 * i + 1] ?? 0) << 8) | (bytes[2 * i] ?? 0))
}
