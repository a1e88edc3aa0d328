import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { ExovisorError } from '../errors.ts'
import { label, nodeId } from '../network/node-messages.ts'

/** What a node tells of itself over UDP. Its host is not in it: that is the source of the datagram. */
export interface Announcement {
  /** Stable node id. */
  readonly id: string
  readonly name: string
  /** Grows with every start of the node. */
  readonly incarnation: number
  /** Grows with every announcement of one incarnation. */
  readonly sequence: number
  /** Port of its gRPC server. */
  readonly port: number
  /** The node takes leave. */
  readonly leave: boolean
}

/** Which announcements belong together. */
export interface AnnouncementScope {
  readonly namespace: string
  /** Secret of the cluster: what is not signed with it is dropped. Without it nothing is signed. */
  readonly key?: string
}

/** Why a datagram that could be read is of no concern. */
export type Dropped = 'newer-version' | 'foreign-namespace' | 'unsigned'

/** Largest datagram in bytes: fits into one frame of an Ethernet. */
const MAX_DATAGRAM_BYTES = 1_400

const VERSION = 1
const counter = z.int().min(0).max(Number.MAX_SAFE_INTEGER)

const envelopeSchema = z.object({
  v: z.int().min(1).max(Number.MAX_SAFE_INTEGER),
  ns: z.string().max(64).optional(),
})

// Fields that are not known are passed over: a later version may add some without being a new one.
const messageSchema = z.object({
  id: nodeId,
  name: label(64),
  inc: counter,
  seq: counter,
  port: z.int().min(1).max(65_535),
  leave: z.boolean().default(false),
  mac: z.string().max(64).optional(),
})

type Message = z.output<typeof messageSchema>

/** An announcement as a datagram. */
export function writeAnnouncement(announcement: Announcement, scope: AnnouncementScope): Buffer {
  const { id, name, incarnation: inc, sequence: seq, port, leave } = announcement
  const ns = namespaceHash(scope.namespace)
  const message: Message = { id, name, inc, seq, port, leave }
  const mac = scope.key === undefined ? {} : { mac: sign(message, ns, scope.key) }
  const bytes = Buffer.from(JSON.stringify({ v: VERSION, ns, ...message, ...mac }))
  if (bytes.byteLength > MAX_DATAGRAM_BYTES)
    throw invalid(`${bytes.byteLength} bytes, expected at most ${MAX_DATAGRAM_BYTES}`)
  return bytes
}

/**
 * Reads a datagram; answers why when it is of no concern to us.
 *
 * @throws EXO_ANNOUNCEMENT_INVALID when it is no announcement at all
 */
export function readAnnouncement(bytes: Buffer, scope: AnnouncementScope): Announcement | Dropped {
  if (bytes.byteLength > MAX_DATAGRAM_BYTES)
    throw invalid(`${bytes.byteLength} bytes, expected at most ${MAX_DATAGRAM_BYTES}`)
  const content = parseJson(bytes)
  const envelope = check(envelopeSchema, content)
  if (envelope.v > VERSION) return 'newer-version'
  const ns = namespaceHash(scope.namespace)
  if (envelope.ns !== ns) return 'foreign-namespace'
  const message = check(messageSchema, content)
  if (scope.key !== undefined && !isSigned(message, ns, scope.key)) return 'unsigned'
  const { id, name, inc, seq, port, leave } = message
  return { id, name, incarnation: inc, sequence: seq, port, leave }
}

function namespaceHash(namespace: string): string {
  return createHash('sha256').update(`exovisor namespace ${namespace}`).digest('hex').slice(0, 16)
}

// Over a list in a fixed order, so that the order of the fields in the datagram does not matter.
function sign({ id, name, inc, seq, port, leave }: Message, ns: string, key: string): string {
  return createHmac('sha256', key)
    .update(JSON.stringify([VERSION, ns, id, name, inc, seq, port, leave]))
    .digest('hex')
}

function isSigned(message: Message, ns: string, key: string): boolean {
  const shown = Buffer.from(message.mac ?? '')
  const expected = Buffer.from(sign(message, ns, key))
  return shown.byteLength === expected.byteLength && timingSafeEqual(shown, expected)
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw invalid(`${bytes.byteLength} bytes that are no UTF-8 JSON`, cause)
  }
}

function check<Output>(schema: z.ZodType<Output>, content: unknown): Output {
  const result = schema.safeParse(content)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw invalid(`${issue?.path.join('.') || 'the message'}: ${issue?.message ?? 'wrong'}`)
}

function invalid(what: string, cause?: unknown): ExovisorError {
  return new ExovisorError('EXO_ANNOUNCEMENT_INVALID', `announcement: ${what}`, { cause })
}
