import { createHash, timingSafeEqual } from 'node:crypto'
import { Metadata } from '@grpc/grpc-js'

const PREFIX = 'Bearer '

/** Metadata that shows the key; empty when there is none. */
export function keyMetadata(key: string | undefined): Metadata {
  const metadata = new Metadata()
  if (key !== undefined) metadata.set('authorization', PREFIX + key)
  return metadata
}

/** Whether a call shows the key. Without a key of our own every call is let in. Takes the same time for every wrong key. */
export function showsKey(metadata: Metadata, key: string | undefined): boolean {
  if (key === undefined) return true
  const [shown] = metadata.get('authorization')
  return timingSafeEqual(digest(typeof shown === 'string' ? shown : ''), digest(PREFIX + key))
}

// Digests have one length, which timingSafeEqual asks for and which hides the length of the key.
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
