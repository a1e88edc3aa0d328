import { closeSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs'
import { dirname, relative, sep } from 'node:path'
import { ExovisorError } from '../errors.ts'
import type { Model, TensorLocation } from '../models/model.ts'
import { widen } from './half-floats.ts'
import type { OnnxConstant } from './onnx-model.ts'
import { onnxType } from './onnx-model.ts'

const ONNX_TYPES = { F32: onnxType.FLOAT, F16: onnxType.FLOAT16, BF16: onnxType.BFLOAT16 } as const

/** A weight file that is open for reading. It stays readable when its name goes to another file. */
export interface WeightFile {
  /** Path without symbolic links. */
  readonly path: string
  /** @throws EXO_SAFETENSORS_INVALID when the file ends before the last byte */
  read(offset: number, target: Uint8Array): void
  close(): void
}

/**
 * Opens a file of weights and checks that a tensor lies inside it, so that mapping it later reads no missing page.
 * @throws EXO_MODEL_INVALID when it is gone, EXO_SAFETENSORS_INVALID when it is too short
 */
export function openWeights(name: string, { file, offset, bytes }: TensorLocation): WeightFile {
  const { path, descriptor, size } = openFile(name, file)
  const truncated = (end: number, found: number) =>
    new ExovisorError(
      'EXO_SAFETENSORS_INVALID',
      `${file}: the file ends at byte ${found}, but tensor ${name} needs bytes up to ${end}`,
      { details: { file, tensor: name, size: found, expected: end } },
    )
  if (size < offset + bytes) {
    closeSync(descriptor)
    throw truncated(offset + bytes, size)
  }
  return {
    path,
    read(from, target) {
      let done = 0
      while (done < target.length) {
        const count = readSync(descriptor, target, done, target.length - done, from + done)
        if (count === 0) throw truncated(from + target.length, from + done)
        done += count
      }
    },
    close: () => closeSync(descriptor),
  }
}

function openFile(name: string, file: string): { path: string; descriptor: number; size: number } {
  try {
    const path = realpathSync(file)
    const descriptor = openSync(path, 'r')
    return { path, descriptor, size: fstatSync(descriptor).size }
  } catch (cause) {
    throw new ExovisorError('EXO_MODEL_INVALID', `${file}: the file with tensor ${name} cannot be read`, {
      cause,
      details: { file, tensor: name },
    })
  }
}

/**
 * Where a tensor lies, its shape checked.
 * @throws EXO_MODEL_INVALID when it is missing or of another shape
 */
export function locateTensor(model: Model, name: string, shape: readonly number[]): TensorLocation {
  const found = model.tensors.get(name)
  const expected = `[${shape.join(', ')}]`
  if (!found)
    throw new ExovisorError(
      'EXO_MODEL_INVALID',
      `${model.directory}: tensor ${name} is missing, expected it with shape ${expected}`,
      { details: { tensor: name, expected } },
    )
  if (found.shape.join() !== shape.join())
    throw new ExovisorError(
      'EXO_MODEL_INVALID',
      `${found.file}: tensor ${name} has shape [${found.shape.join(', ')}], expected ${expected}`,
      { details: { tensor: name, shape: found.shape, expected } },
    )
  return found
}

/** A tensor as an exact 32-bit copy in memory: for the small ones. */
export function readTensor(name: string, location: TensorLocation): Float32Array {
  const file = openWeights(name, location)
  try {
    const bytes = new Uint8Array(location.bytes)
    file.read(location.offset, bytes)
    const values = new Float32Array(location.shape.reduce((product, dim) => product * dim, 1))
    widen(bytes, location.dtype, values)
    return values
  } finally {
    file.close()
  }
}

/** Collects the tensors of one graph that stay in their files, and the one folder that all of them are in. */
export class ExternalWeights {
  readonly #pending: { readonly name: string; readonly path: string; readonly location: TensorLocation }[] =
    []

  /** @throws EXO_MODEL_INVALID, EXO_SAFETENSORS_INVALID */
  add(name: string, location: TensorLocation): void {
    const file = openWeights(name, location)
    file.close()
    this.#pending.push({ name, path: file.path, location })
  }

  /** ONNX Runtime refuses what is outside of this folder once symbolic links are resolved. */
  get folder(): string {
    const [first, ...others] = this.#pending.map(({ path }) => dirname(path))
    return others.reduce(commonFolder, first ?? '.')
  }

  constants(): OnnxConstant[] {
    const { folder } = this
    return this.#pending.map(({ name, path, location: { dtype, shape, offset, bytes } }) => ({
      name,
      type: ONNX_TYPES[dtype],
      dims: shape,
      location: relative(folder, path).split(sep).join('/'),
      offset,
      bytes,
    }))
  }
}

function commonFolder(one: string, other: string): string {
  let folder = one
  while (relative(folder, other).startsWith('..')) folder = dirname(folder)
  return folder
}
