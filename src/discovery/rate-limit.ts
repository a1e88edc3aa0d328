/** How many datagrams are read. */
export interface RateLimits {
  /** Of one source, each second, and at once after a pause. */
  readonly perSource: number
  /** Of all sources, each second, and at once after a pause. */
  readonly total: number
  /** Sources that are told apart; the one that was heard of longest ago is forgotten. */
  readonly sources: number
}

/** A whole rack behind one address is heard, and a flood costs a few per cent of one core. */
export const defaultRateLimits: RateLimits = { perSource: 100, total: 2_000, sources: 1_024 }

interface Bucket {
  tokens: number
  at: number
}

/** Token buckets: one for each source, and one for all. Sources can be forged, so the second one matters as well. */
export class RateLimit {
  readonly #limits: RateLimits
  readonly #sources = new Map<string, Bucket>()
  readonly #all: Bucket

  constructor(limits: RateLimits, now: number) {
    this.#limits = limits
    this.#all = { tokens: limits.total, at: now }
  }

  /** Whether a datagram of `source` may be read at `now` (milliseconds). */
  admit(source: string, now: number): boolean {
    const { perSource, total, sources } = this.#limits
    const bucket = this.#sources.get(source) ?? { tokens: perSource, at: now }
    this.#sources.delete(source)
    this.#sources.set(source, bucket)
    const [oldest] = this.#sources.keys()
    if (this.#sources.size > sources && oldest !== undefined) this.#sources.delete(oldest)
    return take(bucket, perSource, now) && take(this.#all, total, now)
  }
}

function take(bucket: Bucket, rate: number, now: number): boolean {
  bucket.tokens = Math.min(rate, bucket.tokens + ((now - bucket.at) * rate) / 1_000)
  bucket.at = now
  if (bucket.tokens < 1) return false
  bucket.tokens -= 1
  return true
}
