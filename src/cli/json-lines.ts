import type { Writable } from 'node:stream'

/** Writes one value as one line of JSON, at once. */
export function writeJsonLine(stream: Writable, value: unknown): void {
  stream.write(`${JSON.stringify(value)}\n`)
}
