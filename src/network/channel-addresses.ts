import type { Clock } from '../concurrency/clock.ts'

/** After a failure an address is tried last for so many milliseconds. */
const PENALTY_MS = 10_000

interface Address {
  readonly endpoint: string
  channels: number
  failedAt: number
}

/** The addresses of a channel pool: says which of them is next, so that the channels spread over those that answer. */
export class ChannelAddresses {
  readonly #addresses: readonly Address[]
  readonly #clock: Clock

  constructor(endpoints: readonly string[], clock: Clock) {
    this.#clock = clock
    this.#addresses = [...new Set(endpoints)].map(endpoint => ({
      endpoint,
      channels: 0,
      failedAt: Number.NEGATIVE_INFINITY,
    }))
  }

  /** All addresses in the order in which to try them: those with the fewest channels first, those that failed just now last. */
  order(): readonly string[] {
    const now = this.#clock.now()
    const isOut = ({ failedAt }: Address): number => Number(now - failedAt < PENALTY_MS)
    return [...this.#addresses]
      .sort((a, b) => isOut(a) - isOut(b) || a.channels - b.channels)
      .map(({ endpoint }) => endpoint)
  }

  /** A channel to that address is being opened, or was opened. */
  opened(endpoint: string): void {
    this.#change(endpoint, address => {
      address.channels += 1
    })
  }

  /** One such channel is no more. */
  closed(endpoint: string): void {
    this.#change(endpoint, address => {
      address.channels -= 1
    })
  }

  failed(endpoint: string): void {
    this.#change(endpoint, address => {
      address.failedAt = this.#clock.now()
    })
  }

  #change(endpoint: string, change: (address: Address) => void): void {
    const address = this.#addresses.find(({ endpoint: own }) => own === endpoint)
    if (address) change(address)
  }
}
