import { createHash, timingSafeEqual } from 'node:crypto'
import { type Fault, fault } from './fault.ts'

const digest = (text: string) => createHash('sha256').update(text).digest()
const bearer = /^Bearer +(\S+) *$/i
const challenge = { headers: { 'www-authenticate': 'Bearer' } }

/**
 * Makes the check of the Authorization header. Keys are compared by their hashes in constant time,
 * each with each, so that neither a prefix nor the place of a key shows in the time it takes.
 */
export function keyCheck(keys: readonly string[]): (header: string | undefined) => Fault | undefined {
  const known = keys.map(digest)
  return header => {
    const presented = header === undefined ? undefined : bearer.exec(header)?.[1]
    if (presented === undefined) {
      const message = 'the API key is missing; expected the header Authorization: Bearer KEY'
      return fault(401, 'invalid_api_key', message, challenge)
    }
    const hash = digest(presented)
    const matches = known.filter(key => timingSafeEqual(key, hash)).length
    return matches > 0 ? undefined : fault(401, 'invalid_api_key', 'the API key is wrong', challenge)
  }
}
