import { type FileHandle, open, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { ExovisorError } from '../errors.ts'
import { isObject, parseJsonObject, readSmallFile, shown } from './json-file.ts'
import {
  type HeaderEntry,
  headerFault,
  headerLength,
  parseHeader,
  prefixBytes,
} from './safetensors-header.ts'

const singleFile = 'model.safetensors'
const indexFile = 'model.safetensors.index.json'
const maxIndexBytes = 32 * 1_024 * 1_024
const maxFiles = 1_024
/** How many blocks of each file's data go into the fingerprint, and how large they are. */
const samples = 32
const sampleBytes = 1_024

/** A safetensors file with its tensors, and the bytes that tell it from another of the same shape. */
interface WeightFile {
  /** Absolute path. */
  readonly file: string
  /** Its name in the directory. */
  readonly name: string
  readonly bytes: number
  readonly entries: readonly HeaderEntry[]
  /** The header, and a few blocks spread evenly over the data. */
  readonly identity: readonly Uint8Array[]
}

/** The weight files of a model. Where there are several, `owner` says which of them a tensor is to be taken from. */
export interface WeightFiles {
  readonly files: readonly WeightFile[]
  readonly owner: ReadonlyMap<string, string> | undefined
}

/**
 * Reads the headers of `model.safetensors`, or of all files that `model.safetensors.index.json` names.
 * @throws EXO_MODEL_INVALID for a missing file or a wrong index, EXO_SAFETENSORS_INVALID for a wrong file
 */
export async function readWeightFiles(directory: string): Promise<WeightFiles> {
  const single = join(directory, singleFile)
  if (await stat(single).catch(() => undefined))
    return { files: [await readWeightFile(single)], owner: undefined }
  const path = join(directory, indexFile)
  const bytes = await readSmallFile(path, maxIndexBytes, 'EXO_MODEL_INVALID')
  if (bytes === undefined) {
    throw invalid(`${single} is missing, and so is ${indexFile}; expected weights as safetensors`, single)
  }
  const owner = weightMap(path, parseJsonObject(path, bytes, 'EXO_MODEL_INVALID'))
  const names = [...new Set(owner.values())].sort()
  if (names.length > maxFiles)
    throw invalid(`${path} names ${names.length} files; expected at most ${maxFiles}`, path)
  const files: WeightFile[] = []
  for (const name of names) files.push(await readWeightFile(join(directory, name)))
  return { files, owner }
}

function weightMap(path: string, index: Record<string, unknown>): ReadonlyMap<string, string> {
  const map = index['weight_map']
  if (!isObject(map))
    throw invalid(`${path}: weight_map is ${shown(map)}; expected an object of tensor and file names`, path)
  const owner = new Map<string, string>()
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== 'string' || !isPlainName(file)) {
      throw invalid(
        `${path}: tensor ${shown(tensor)} is in file ${shown(file)}; expected the name of a .safetensors file beside it`,
        path,
      )
    }
    owner.set(tensor, file)
  }
  return owner
}

/** Nothing that leads out of the directory, on any system. */
const isPlainName = (file: string): boolean =>
  /^[^/\\:\0]{1,255}$/.test(file) &&
  basename(file) === file &&
  file.endsWith('.safetensors') &&
  !file.startsWith('.')

async function readWeightFile(file: string): Promise<WeightFile> {
  const found = await stat(file).catch(() => undefined)
  if (found === undefined) throw invalid(`${file} is missing`, file)
  if (!found.isFile()) throw invalid(`${file} is not a file`, file)
  const handle = await open(file, 'r')
  try {
    const prefix = await readAt(handle, 0, Math.min(prefixBytes, found.size), file)
    const length = headerLength(file, prefix, found.size)
    const header = await readAt(handle, prefixBytes, length, file)
    const entries = parseHeader(file, header, found.size)
    const blocks = await sampleData(handle, prefixBytes + length, found.size, file)
    return { file, name: basename(file), bytes: found.size, entries, identity: [header, ...blocks] }
  } finally {
    await handle.close()
  }
}

async function sampleData(
  handle: FileHandle,
  start: number,
  end: number,
  file: string,
): Promise<Uint8Array[]> {
  const blocks: Uint8Array[] = []
  const step = Math.max(sampleBytes, Math.floor((end - start) / samples))
  for (let at = start; at < end; at += step) {
    blocks.push(await readAt(handle, at, Math.min(sampleBytes, end - at), file))
  }
  return blocks
}

async function readAt(
  handle: FileHandle,
  position: number,
  length: number,
  file: string,
): Promise<Uint8Array> {
  const buffer = new Uint8Array(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await handle.read(buffer, done, length - done, position + done)
    if (bytesRead === 0) {
      throw headerFault(
        file,
        `ends at offset ${position + done}; expected ${length - done} bytes more: it is truncated`,
      )
    }
    done += bytesRead
  }
  return buffer
}

function invalid(message: string, path: string): ExovisorError {
  return new ExovisorError('EXO_MODEL_INVALID', message, { details: { path } })
}
