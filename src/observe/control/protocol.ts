import { z } from 'zod'
import type { ErrorRecord } from '../../errors.ts'

/**
 * What goes over a control socket: one JSON document a line. A request `{ "id": 1, "method": "tasks.list" }` gets one answer with
 * the same id, `{ "id": 1, "result": ... }` or `{ "id": 1, "error": { "code", "message" } }`. A request that opens a stream gets
 * `{ "id": 1, "message": ... }` again and again, until either side closes the connection.
 */
export interface ControlAnswer {
  readonly id: number
  readonly result?: unknown
  readonly error?: ErrorRecord
  readonly message?: unknown
}

/** The longest line in characters that a node takes from a command. */
export const MAX_REQUEST_CHARACTERS = 65_536

/** The longest answer in characters that a command takes from a node: 100,000 tasks fit. */
export const MAX_ANSWER_CHARACTERS = 64 * 2 ** 20

export const controlRequest = z.strictObject({
  id: z.int().min(0),
  method: z.string().min(1).max(64),
  params: z.record(z.string().max(64), z.unknown()).optional(),
})

export const controlAnswer = z.object({
  id: z.int(),
  result: z.unknown().optional(),
  message: z.unknown().optional(),
  error: z.object({ code: z.string(), message: z.string() }).exactOptional(),
})

/** What a node does for one method. What it throws goes to the command, by its code. */
export type ControlHandler = (params: Readonly<Record<string, unknown>>) => unknown

/** The way from a stream to its command. */
export interface StreamLink {
  send(message: unknown): void
  /** True while so much waits to be written that nothing more is to be sent. `drained` is called when that is over. */
  readonly isFull: boolean
}

/** A stream while it is open. */
export interface OpenStream {
  /** The link is not full any more. */
  drained(): void
  /** The command has gone. */
  close(): void
}

/** Begins to tell a command of something. What it throws is the answer. */
export type ControlStream = (params: Readonly<Record<string, unknown>>, link: StreamLink) => OpenStream
