import { z } from 'zod'
import { type ErrorCode, ExovisorError } from '../errors.ts'
import { parseEndpoint } from './endpoint.ts'

/** Version of the protocol between nodes; nodes of different versions do not work together. */
export const PROTOCOL_VERSION = 2

/** A stable node id: what identities are, and what a file of peers may call a node. */
export const nodeId = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'expected 1 to 64 letters, digits, dots, hyphens or underscores',
  )

/** A text for people: no control characters. */
export const label = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\p{Cc}]*$/u, 'expected no control characters')

const counter = z
  .bigint()
  .max(BigInt(Number.MAX_SAFE_INTEGER), 'expected an integer below 2^53')
  .transform(Number)
const endpoint = z.string().superRefine((text, context) => {
  try {
    parseEndpoint(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) })
  }
})

const placement = label(256).min(1)
const MAX_LAYERS = 4_096
const MAX_CONTEXT = 1_048_576
const MAX_SLOTS = 1_024

const nodeDescriptionSchema = z.object({
  nodeId,
  name: label(64),
  incarnation: counter,
  version: label(64),
  protocol: z.number(),
  memoryBytes: counter,
  pid: z.number(),
  namespace: label(64),
})

/** What a node says of itself. */
export type NodeDescription = z.output<typeof nodeDescriptionSchema>

export const describeRequestSchema = z.object({ node: nodeDescriptionSchema.optional() })
export const describeResponseSchema = z.object({ node: nodeDescriptionSchema })

export const placeShardRequestSchema = z
  .object({
    placement,
    epoch: counter,
    model: label(4_096).min(1),
    fingerprint: label(256).min(1),
    firstLayer: z.number().max(MAX_LAYERS - 1),
    endLayer: z.number().min(1).max(MAX_LAYERS),
    context: z.number().min(1).max(MAX_CONTEXT),
    slots: z.number().min(1).max(MAX_SLOTS),
    owner: nodeId,
  })
  .refine(({ firstLayer, endLayer }) => firstLayer < endLayer, {
    path: ['endLayer'],
    error: 'expected more than firstLayer',
  })

/** Which layers of which model to load, and for whom. */
export type PlaceShardRequest = z.output<typeof placeShardRequestSchema>

export const placeShardResponseSchema = z.object({
  tensorEndpoint: endpoint,
  enginePid: z.number(),
  incarnation: counter,
  stepMs: z.number().min(0).optional(),
})

/** Where a loaded shard takes frames. */
export type PlacedShard = z.output<typeof placeShardResponseSchema>

export const linkStageRequestSchema = z.object({
  placement,
  epoch: counter,
  nextEndpoint: z.union([z.literal(''), endpoint]),
})

/** Which stage comes next; an empty endpoint makes the shard the last one. */
export type LinkStageRequest = z.output<typeof linkStageRequestSchema>

export const releaseShardRequestSchema = z.object({ placement, epoch: counter })

/** Which shard to give up. */
export type ReleaseShardRequest = z.output<typeof releaseShardRequestSchema>

/**
 * Checks a message from the wire.
 *
 * @param what the message, for the error
 * @throws an error with `code` that names each wrong field and what was expected
 */
export function parseMessage<Output>(
  schema: z.ZodType<Output>,
  message: unknown,
  what: string,
  code: ErrorCode,
): Output {
  const result = schema.safeParse(message)
  if (result.success) return result.data
  const faults = result.error.issues.slice(0, 8).map(issue => ({
    field: issue.path.join('.'),
    value: shownValue(message, issue.path),
    expected: issue.message,
  }))
  const text = faults.map(({ field, value, expected }) => `${field} is ${value}: ${expected}`).join('; ')
  throw new ExovisorError(code, `${what}: ${text}`, { details: { faults } })
}

function shownValue(message: unknown, path: readonly PropertyKey[]): string {
  let value = message
  for (const key of path)
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
  return (typeof value === 'string' ? JSON.stringify(value) : String(value)).slice(0, 80)
}
