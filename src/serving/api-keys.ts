import { createHash, timingSafeEqual } from 'node:crypto'
import { ExovisorError } from '../errors.ts'
import { faultForError } from './error-answers.ts'
import type { Fault } from './fault.ts'

const digest = (text: string) => createHash('sha256').update(text).digest()
const bearer = /^Bearer +(\S+) *$/i
const unauthorized = (message: string): Fault => faultForError(new ExovisorError('EXO_UNAUTHORIZED', message))

/**
 * Makes the check of the Authorization header. Keys are compared by their hashes in constant time,
 * each with each, so that neither a prefix nor the place of a key shows in the time it takes.
 */
export function keyCheck(keys: readonly string[]): (header: string | undefined) => Fault | undefined {
  const known = keys.map(digest)
  return header => {
    const presented = header === undefined ? undefined : bearer.exec(header)?.[1]
    if (presented === undefined) {
      return unauthorized('the API key is missing; expected the header Authorization: Bearer KEY')
    }
    const hash = digest(presented)
    const matches = known.filter(key => timingSafeEqual(key, hash)).length
    return matches > 0 ? undefined : unauthorized('the API key is wrong')
  }
}
