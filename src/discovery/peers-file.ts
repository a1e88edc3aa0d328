import { z } from 'zod'
import { readYaml } from '../config/yaml.ts'
import { type ErrorCode, ExovisorError } from '../errors.ts'
import { parseEndpoint } from '../network/endpoint.ts'
import { label, nodeId } from '../network/node-messages.ts'
import { provisionalId } from '../network/provisional-id.ts'
import type { DiscoveredPeer } from './discovery.ts'

/** One node of a list that people write. */
export interface ListedPeer {
  /** Stable node id, if it is known. */
  readonly id?: string
  /** Default: the endpoint. */
  readonly name?: string
  /** `host:port` of its gRPC server. */
  readonly endpoint: string
}

const MAX_PEERS = 1_024

const listSchema = z.strictObject({
  peers: z
    .array(
      z.strictObject({
        id: nodeId.optional(),
        name: label(64).min(1).optional(),
        endpoint: z.string().superRefine((text, context) => {
          try {
            parseEndpoint(text)
          } catch (error) {
            context.addIssue({
              code: 'custom',
              message: error instanceof Error ? error.message : String(error),
            })
          }
        }),
      }),
    )
    .max(MAX_PEERS)
    .superRefine((peers, context) => {
      for (const key of ['id', 'endpoint'] as const) {
        const first = new Map<string, number>()
        for (const [index, peer] of peers.entries()) {
          const value = peer[key]
          if (value === undefined) continue
          const earlier = first.get(value)
          if (earlier === undefined) first.set(value, index)
          else
            context.addIssue({
              code: 'custom',
              path: [index, key],
              message: `${value} is there twice, first in peers[${earlier}]`,
            })
        }
      }
    }),
})

/**
 * Reads the text of a peers file: YAML or JSON with `peers: [{ id?, name?, endpoint }]`.
 *
 * @param path for messages
 * @throws EXO_PEERS_FILE_INVALID naming line, column, the fault and what was expected; all faults are in its details
 */
export function parsePeersFile(text: string, path: string): readonly DiscoveredPeer[] {
  const source = readYaml(text)
  const syntax = source.faults.map(({ line, column, message }) => ({ line, column, message }))
  if (syntax.length > 0) throw fileInvalid(path, syntax)
  const result = listSchema.safeParse(source.value ?? {})
  if (result.success) return toPeers(result.data.peers as readonly ListedPeer[])
  throw fileInvalid(
    path,
    result.error.issues.map(issue => {
      const keys = issue.path.map(String)
      const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined
      const place =
        unknown === undefined ? nearest(source.position, keys) : source.position([...keys, unknown], 'key')
      return {
        line: place?.line ?? 1,
        column: place?.column ?? 1,
        message: `${keys.join('.') || 'the file'}: ${issue.message}`,
      }
    }),
  )
}

/**
 * Checks a list that comes from a program.
 *
 * @throws EXO_REQUEST_INVALID naming the entry and the fault
 */
export function checkPeers(peers: readonly ListedPeer[]): readonly DiscoveredPeer[] {
  const result = listSchema.safeParse({ peers })
  if (result.success) return toPeers(peers)
  const [issue] = result.error.issues
  throw listInvalid('EXO_REQUEST_INVALID', `list of peers: ${issue?.path.join('.')}: ${issue?.message}`, [])
}

/** The error for a peers file that cannot be read at all. */
export function fileUnreadable(path: string, cause: unknown): ExovisorError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new ExovisorError('EXO_PEERS_FILE_INVALID', `peers file ${path} cannot be read: ${why}`, {
    cause,
    details: { path },
  })
}

interface Fault {
  readonly line: number
  readonly column: number
  readonly message: string
}

function toPeers(peers: readonly ListedPeer[]): readonly DiscoveredPeer[] {
  return peers.map(({ id, name, endpoint }) => ({
    id: id ?? provisionalId(endpoint),
    name: name ?? endpoint,
    endpoint,
    incarnation: 0,
    source: 'manual',
  }))
}

// What is missing stands nowhere; then the place of what should hold it is the nearest.
function nearest(
  position: (path: readonly string[]) => { line: number; column: number } | undefined,
  keys: readonly string[],
) {
  for (let length = keys.length; length >= 0; length -= 1) {
    const place = position(keys.slice(0, length))
    if (place) return place
  }
  return undefined
}

function fileInvalid(path: string, faults: readonly Fault[]): ExovisorError {
  const [first] = faults
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
  return listInvalid(
    'EXO_PEERS_FILE_INVALID',
    `peers file ${path}, line ${first?.line}, column ${first?.column}: ${first?.message}${more}`,
    faults.slice(0, 20),
  )
}

function listInvalid(code: ErrorCode, message: string, faults: readonly Fault[]): ExovisorError {
  return new ExovisorError(code, message, { details: { faults } })
}
