import { createHash, randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { ExovisorError } from '../errors.ts'

/** Who a node is. */
export interface Identity {
  /** 128 random bits in hex: the same over all restarts. */
  readonly id: string
  /** Grows with every start; 1 for the first. */
  readonly incarnation: number
}

/** What {@link loadIdentity} takes from the world. */
export interface IdentitySources {
  /** Makes an id. Default: 128 random bits. */
  readonly newId?: () => string
  /** What tells this machine from others. Default: its machine id, else its host name. */
  readonly machine?: () => Promise<string>
}

const FILE = 'identity.json'
const MAX_BYTES = 4_096

const stateSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  incarnation: z
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER - 1),
  machine: z.string().max(64),
})

/**
 * The identity of a node that keeps its state in `directory`: the id is made once, the incarnation grows by one.
 * A directory that was copied from another machine gets an id of its own. Without a directory the node is new each time.
 *
 * @throws EXO_CONFIG_UNREADABLE naming the file, when it cannot be read, written or understood
 */
export async function loadIdentity(directory?: string, sources: IdentitySources = {}): Promise<Identity> {
  const { newId = () => randomBytes(16).toString('hex'), machine = thisMachine } = sources
  if (directory === undefined) return { id: newId(), incarnation: 1 }
  const path = join(directory, FILE)
  try {
    await mkdir(directory, { recursive: true })
    const origin = createHash('sha256')
      .update(await machine())
      .digest('hex')
      .slice(0, 32)
    const kept = await readState(path)
    const mine = kept?.machine === origin ? kept : undefined
    const identity = { id: mine?.id ?? newId(), incarnation: (mine?.incarnation ?? 0) + 1 }
    await writeWhole(path, `${JSON.stringify({ ...identity, machine: origin })}\n`)
    return identity
  } catch (cause) {
    if (cause instanceof ExovisorError) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ExovisorError('EXO_CONFIG_UNREADABLE', `identity file ${path}: ${why}`, {
      cause,
      details: { path },
    })
  }
}

async function readState(path: string): Promise<z.output<typeof stateSchema> | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  const state = text.length <= MAX_BYTES ? stateSchema.safeParse(parseJson(text)) : undefined
  if (state?.success) return state.data
  // A new id in its place would make this node a stranger to its peers without anybody noticing.
  throw new ExovisorError(
    'EXO_CONFIG_UNREADABLE',
    `identity file ${path}: ${text.length} characters that are no identity, expected JSON with id, incarnation and machine; remove it to start as a new node`,
    { details: { path } },
  )
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Writes beside and renames, so that a crash leaves the old file or the new one, never half of one. */
async function writeWhole(path: string, text: string): Promise<void> {
  const beside = `${path}.${randomBytes(6).toString('hex')}`
  let file: FileHandle | undefined
  try {
    file = await open(beside, 'wx', 0o600)
    await file.writeFile(text)
    await file.sync()
    await file.close()
    file = undefined
    await rename(beside, path)
  } catch (error) {
    await file?.close()
    await rm(beside, { force: true })
    throw error
  }
}

async function thisMachine(): Promise<string> {
  try {
    return (await readFile('/etc/machine-id', 'utf8')).trim() || hostname()
  } catch {
    return hostname()
  }
}
