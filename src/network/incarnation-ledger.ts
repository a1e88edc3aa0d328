import { ExovisorError } from '../errors.ts'

const MAX_NODES = 4_096

/** Remembers the newest incarnation of each node, so that a late word of an earlier life is not believed. */
export class IncarnationLedger {
  readonly #newest = new Map<string, number>()

  /** The newest incarnation seen of a node; undefined for a stranger. */
  newest(nodeId: string): number | undefined {
    return this.#newest.get(nodeId)
  }

  /**
   * Takes note of an incarnation.
   *
   * @throws EXO_PEER_REJECTED when a newer one was seen before
   */
  see(nodeId: string, incarnation: number): void {
    const newest = this.#newest.get(nodeId)
    if (newest !== undefined && incarnation < newest)
      throw new ExovisorError(
        'EXO_PEER_REJECTED',
        `node ${nodeId}: incarnation is ${incarnation}, expected at least ${newest}, which was seen before`,
        {
          details: { nodeId, incarnation, expected: newest },
        },
      )
    // A Map keeps the order of insertion: the node that was heard of longest ago comes first.
    this.#newest.delete(nodeId)
    this.#newest.set(nodeId, incarnation)
    const [oldest] = this.#newest.keys()
    if (this.#newest.size > MAX_NODES && oldest !== undefined) this.#newest.delete(oldest)
  }
}
