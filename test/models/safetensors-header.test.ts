import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { headerLength, parseHeader } from '../../src/models/safetensors-header.ts'
import { faultOf } from './temporary-model.ts'

const encode = (header: unknown): Uint8Array =>
  new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))

/** Parses a header in front of so many bytes of data. */
function parse(header: unknown, dataBytes: number) {
  const bytes = encode(header)
  return parseHeader('m.safetensors', bytes, 8 + bytes.length + dataBytes)
}

const tensor = (
  begin: number,
  end: number,
  shape: unknown = [(end - begin) / 4],
  dtype: unknown = 'F32',
) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
})

function prefix(length: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, length, true)
  return bytes
}

describe('headerLength', () => {
  it('reads a length that fits into the file', () => {
    expect(headerLength('m', prefix(16n), 24)).toBe(16)
  })

  it('refuses lengths that cannot be', async () => {
    const cases: [Uint8Array, number, string][] = [
      [
        prefix(2n ** 60n),
        1_000,
        'm: header length at offset 0 is 1152921504606846976; expected 2 to 100000000',
      ],
      [prefix(2n ** 64n - 1n), 1_000, 'is 18446744073709551615; expected 2 to 100000000'],
      [prefix(100_000_001n), 2 ** 40, 'is 100000001; expected 2 to 100000000'],
      [prefix(0n), 8, 'is 0; expected 2'],
      [prefix(100n), 107, 'is 100, but the file has 107 bytes: it is truncated'],
      [new Uint8Array(3), 3, 'has 3 bytes; expected at least 8'],
    ]
    for (const [bytes, fileBytes, message] of cases) {
      const fault = await faultOf(() => headerLength('m', bytes, fileBytes))
      expect(fault.code).toBe('EXO_SAFETENSORS_INVALID')
      expect(fault.message).toContain(message)
    }
  })
})

describe('parseHeader', () => {
  it('gives each tensor with its place in the file, in the order of the file', () => {
    const header = { __metadata__: { format: 'pt' }, b: tensor(8, 20, [3]), a: tensor(0, 8, [2, 2], 'BF16') }
    const start = 8 + encode(header).length
    expect(parse(header, 20)).toEqual([
      { name: 'a', dtype: 'BF16', shape: [2, 2], offset: start, bytes: 8 },
      { name: 'b', dtype: 'F32', shape: [3], offset: start + 8, bytes: 12 },
    ])
  })

  it('takes scalars, empty tensors, spaces after the header and other element types', () => {
    expect(
      parse({ s: tensor(0, 4, []), e: tensor(0, 0, [0, 5]), i: tensor(4, 12, [1], 'I64') }, 12),
    ).toHaveLength(3)
    expect(parse(`${JSON.stringify({ a: tensor(0, 4) })}   `, 4)).toHaveLength(1)
    expect(parse({}, 0)).toEqual([])
  })

  it('names file, tensor, offset and what was expected of what is wrong', async () => {
    const at = (header: object) => 8 + encode(header).length
    const hole = { a: tensor(0, 4), b: tensor(8, 12) }
    const overlap = { a: tensor(0, 8), b: tensor(4, 12) }
    const beyond = { a: tensor(0, 4), b: tensor(4, 2 ** 40, [2 ** 38 - 1]) }
    const cases: [unknown, number, string][] = [
      [hole, 12, `tensor "b" at offset ${at(hole) + 8} leaves a hole; expected offset ${at(hole) + 4}`],
      [{ a: tensor(4, 8) }, 8, 'leaves a hole'],
      [
        overlap,
        12,
        `tensor "b" at offset ${at(overlap) + 4} overlaps the one before; expected offset ${at(overlap) + 8}`,
      ],
      [{ a: tensor(0, 4), b: tensor(0, 4) }, 4, 'overlaps the one before'],
      [beyond, 20, `tensor "b" at offset ${at(beyond) + 4} ends at ${at(beyond) + 2 ** 40}, beyond the`],
      [{ a: tensor(0, 8) }, 4, 'it is truncated'],
      [{ a: tensor(0, 4) }, 9, 'where its last tensor ends'],
      [{ a: tensor(0, 4, [2]) }, 4, 'has 4 bytes; expected 8 for F32 [2]'],
      [{ a: tensor(0, 4, [2 ** 52, 2 ** 52, 2 ** 52]) }, 4, 'has 4 bytes; expected 3.65'],
      [{ a: tensor(0, 1, [1], 'F4') }, 1, 'expected 0.5 for F4 [1]'],
      [{ a: tensor(0, 4, [1], 'FLOAT') }, 4, 'tensor "a" has dtype "FLOAT"; expected one of BOOL'],
      [{ a: tensor(0, 4, [1], null) }, 4, 'has dtype null'],
      [{ a: tensor(0, 4, [-1]) }, 4, 'has shape [-1]; expected'],
      [{ a: tensor(0, 4, [1.5]) }, 4, 'has shape [1.5]'],
      [{ a: tensor(0, 4, [2 ** 53]) }, 4, 'has shape [9007199254740992]'],
      [{ a: tensor(0, 4, Array(9).fill(1)) }, 4, 'expected at most 8 whole numbers'],
      [{ a: tensor(0, 4, '1') }, 4, 'has shape "1"'],
      [
        { a: tensor(4, 0, [0]) },
        4,
        'has data_offsets [4,0]; expected the end not to be before the beginning',
      ],
      [{ a: tensor(-4, 0, [1]) }, 4, 'has data_offsets [-4,0]; expected two whole numbers from 0'],
      [{ a: { ...tensor(0, 4), data_offsets: [0] } }, 4, 'has data_offsets [0]'],
      [{ a: 5 }, 4, 'tensor "a" is 5; expected an object'],
      ['{"a":', 4, 'header at offset 8 is not JSON'],
      ['[]', 4, 'header begins with byte 91 at offset 8; expected {'],
      [' {}', 4, 'header begins with byte 32'],
      ['{"a":{},"\\u0061":{}}', 4, 'header names "a" twice'],
      ['{"a":{"dtype":"F32","shape":[1],"shape":[2],"data_offsets":[0,4]}}', 4, 'header names "shape" twice'],
    ]
    for (const [header, dataBytes, message] of cases) {
      const fault = await faultOf(() => parse(header, dataBytes))
      expect(fault.code).toBe('EXO_SAFETENSORS_INVALID')
      expect(fault.message).toContain(message)
      expect(fault.message).toMatch(/^m\.safetensors: /)
    }
  })

  it('refuses bytes that are not UTF-8', async () => {
    const fault = await faultOf(() => parseHeader('m', Uint8Array.of(0x7b, 0xff, 0x7d), 11))
    expect(fault.message).toContain('m: header at offset 8 is not JSON')
  })

  it('gives either tensors that fill the file or an error of the catalogue, whatever the header holds', async () => {
    const value = fc.jsonValue({ maxDepth: 3 })
    const entry = fc.record({
      dtype: fc.constantFrom('F32', 'U8', 'X'),
      shape: fc.array(fc.integer()),
      data_offsets: fc.array(fc.integer()),
    })
    const header = fc.oneof(value, fc.dictionary(fc.string(), fc.oneof(value, entry)))
    await fc.assert(
      fc.asyncProperty(header, fc.nat(40), async (content, dataBytes) => {
        let filled: number | undefined
        try {
          filled = parse(content, dataBytes).reduce((sum, entry) => sum + entry.bytes, 0)
        } catch (error) {
          expect(error).toMatchObject({ code: 'EXO_SAFETENSORS_INVALID' })
        }
        if (filled !== undefined) expect(filled).toBe(dataBytes)
      }),
    )
  })
})
