import type { NetworkStatistics } from './network-types.ts'

type Counted = Exclude<keyof NetworkStatistics, 'connectedAt' | 'succeededAt'>

/** What one network resource has counted. */
export class NetworkCounts {
  readonly #counts: Record<Counted, number> = {
    connects: 0,
    connectFailures: 0,
    disconnects: 0,
    disconnectFailures: 0,
    reconnects: 0,
    operations: 0,
    active: 0,
    failures: 0,
    retries: 0,
  }
  #connectedAt: number | undefined
  #succeededAt: number | undefined

  add(counted: Counted): void {
    this.#counts[counted] += 1
  }

  began(): void {
    this.#counts.operations += 1
    this.#counts.active += 1
  }

  ended(): void {
    this.#counts.active -= 1
  }

  connected(at: number): void {
    this.#counts.connects += 1
    this.#connectedAt = at
  }

  succeeded(at: number): void {
    this.#succeededAt = at
  }

  snapshot(): NetworkStatistics {
    return {
      ...this.#counts,
      ...(this.#connectedAt !== undefined && { connectedAt: this.#connectedAt }),
      ...(this.#succeededAt !== undefined && { succeededAt: this.#succeededAt }),
    }
  }
}
