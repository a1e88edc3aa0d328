import { Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { encodeModel, onnxType } from '../../src/engine/onnx-model.ts'
import {
  chooseRunner,
  directRunner,
  type OrtRunner,
  stockRunner,
  testRunner,
} from '../../src/engine/ort-runner.ts'

const value = (name: string) => ({ name, type: onnxType.FLOAT, dims: ['n'] })
const product = encodeModel({
  name: 'product',
  inputs: [value('a'), value('b')],
  outputs: [value('out'), value('copy')],
  constants: [],
  nodes: [
    { op: 'Mul', inputs: ['a', 'b'], outputs: ['out'] },
    { op: 'Identity', inputs: ['a'], outputs: ['copy'] },
  ],
})
const tensor = (...numbers: number[]) => new Tensor('float32', Float32Array.from(numbers), [numbers.length])

const runners: readonly [string, () => Promise<OrtRunner>][] = [
  ['direct', directRunner],
  ['stock', async () => stockRunner],
]

describe.each(runners)('the %s runner', (_, get) => {
  it('passes its self-test', async () => {
    await testRunner(await get())
  })

  it('writes all outputs into the tensors that it is given', async () => {
    const session = await (await get()).load(product, '.', 1)
    const [out, copy] = [tensor(0, 0, 0), tensor(0, 0, 0)]
    await session.run({ a: tensor(1, 2, 3), b: tensor(4, 5, 6) }, { out, copy })
    expect([...(out.data as Float32Array)]).toEqual([4, 10, 18])
    expect([...(copy.data as Float32Array)]).toEqual([1, 2, 3])
    await session.release()
  })

  it('tells real errors of a run, and runs on', async () => {
    const session = await (await get()).load(product, '.', 1)
    const out = tensor(0, 0)
    const bad = async () => session.run({ a: tensor(1, 2), b: tensor(1, 2, 3) }, { out, copy: tensor(0, 0) })
    await expect(bad()).rejects.toThrow(/Mul/)
    await session.run({ a: tensor(1, 2), b: tensor(3, 4) }, { out, copy: tensor(0, 0) })
    expect([...(out.data as Float32Array)]).toEqual([3, 8])
    await session.release()
  })
})

describe('the direct runner', () => {
  it('is done on return', async () => {
    const session = await (await directRunner()).load(product, '.', 1)
    const out = tensor(0)
    expect(session.run({ a: tensor(2), b: tensor(3) }, { out, copy: tensor(0) })).toBeUndefined()
    expect([...(out.data as Float32Array)]).toEqual([6])
    await session.release()
  })
})

describe('the choice of a runner', () => {
  it('is the direct one where it works', async () => {
    expect((await chooseRunner()).kind).toBe('direct')
  })

  it('falls back to the stock one when the package has no such binding', async () => {
    const missing = () => Promise.reject(new Error('no such module'))
    expect((await chooseRunner(missing)).kind).toBe('stock')
  })

  it('falls back to the stock one when nothing arrives in the given buffers', async () => {
    const deaf: OrtRunner = { kind: 'direct', load: async () => ({ run() {}, release() {} }) }
    expect((await chooseRunner(async () => deaf)).kind).toBe('stock')
  })
})
