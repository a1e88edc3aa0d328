import {
  bytesField,
  concat,
  type Field,
  floatField,
  intField,
  messageField,
  stringField,
} from './protobuf.ts'

/*
 * The part of the ONNX format that the engine writes. Field numbers are those of onnx.proto
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 */

/** Element types by their numbers in TensorProto.DataType. */
export const onnxType = { FLOAT: 1, INT32: 6, INT64: 7, FLOAT16: 10, BFLOAT16: 16 } as const

const IR_VERSION = 10
const OPSET = 21
const EXTERNAL = 1

/** One operator. An empty input name is an optional input that is left out. */
export interface OnnxNode {
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** Default: the operators of ONNX itself. */
  readonly domain?: 'com.microsoft'
  readonly ints?: Readonly<Record<string, number>>
  readonly floats?: Readonly<Record<string, number>>
  readonly intLists?: Readonly<Record<string, readonly number[]>>
}

/** A constant whose bytes are in the graph, or somewhere in a file. */
export type OnnxConstant = {
  readonly name: string
  readonly type: number
  readonly dims: readonly number[]
} & (
  | { readonly data: Float32Array }
  | { readonly location: string; readonly offset: number; readonly bytes: number }
)

/** An input or output. A dimension with a name may differ from run to run. */
export interface OnnxValue {
  readonly name: string
  readonly type: number
  readonly dims: readonly (number | string)[]
}

export interface OnnxGraph {
  readonly name: string
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
  readonly constants: readonly OnnxConstant[]
  readonly nodes: readonly OnnxNode[]
}

const entries = <T>(record: Readonly<Record<string, T>> | undefined): [string, T][] =>
  Object.entries(record ?? {})

function nodeProto({ op, inputs, outputs, domain, ints, floats, intLists }: OnnxNode): Field[] {
  return [
    ...inputs.map(input => stringField(1, input)),
    ...outputs.map(output => stringField(2, output)),
    stringField(4, op),
    ...(domain ? [stringField(7, domain)] : []),
    ...entries(floats).map(([name, value]) =>
      messageField(5, [stringField(1, name), floatField(2, value), intField(20, 1)]),
    ),
    ...entries(ints).map(([name, value]) =>
      messageField(5, [stringField(1, name), intField(3, value), intField(20, 2)]),
    ),
    ...entries(intLists).map(([name, values]) =>
      messageField(5, [stringField(1, name), ...values.map(value => intField(8, value)), intField(20, 7)]),
    ),
  ]
}

function constantProto(constant: OnnxConstant): Field[] {
  const head = [
    ...constant.dims.map(dim => intField(1, dim)),
    intField(2, constant.type),
    stringField(8, constant.name),
  ]
  if ('data' in constant) {
    const { buffer, byteOffset, byteLength } = constant.data
    return [...head, bytesField(9, new Uint8Array(buffer, byteOffset, byteLength))]
  }
  const place = { location: constant.location, offset: `${constant.offset}`, length: `${constant.bytes}` }
  return [
    ...head,
    ...Object.entries(place).map(([key, value]) =>
      messageField(13, [stringField(1, key), stringField(2, value)]),
    ),
    intField(14, EXTERNAL),
  ]
}

function valueProto({ name, type, dims }: OnnxValue): Field[] {
  const shape = dims.map(dim =>
    messageField(1, [typeof dim === 'number' ? intField(1, dim) : stringField(2, dim)]),
  )
  return [
    stringField(1, name),
    messageField(2, [messageField(1, [intField(1, type), messageField(2, shape)])]),
  ]
}

/** The bytes of an ONNX model with one graph. Floats are written in the byte order of this machine: little-endian. */
export function encodeModel(graph: OnnxGraph): Uint8Array {
  return concat([
    intField(1, IR_VERSION),
    stringField(2, 'exovisor'),
    messageField(7, [
      ...graph.nodes.map(node => messageField(1, nodeProto(node))),
      stringField(2, graph.name),
      ...graph.constants.map(constant => messageField(5, constantProto(constant))),
      ...graph.inputs.map(value => messageField(11, valueProto(value))),
      ...graph.outputs.map(value => messageField(12, valueProto(value))),
    ]),
    messageField(8, [stringField(1, ''), intField(2, OPSET)]),
    messageField(8, [stringField(1, 'com.microsoft'), intField(2, 1)]),
  ])
}
