import { seededRandom } from 'exovisor/runtime'

/** What happens to one call. `reset` and `stall` happen to its connection. */
export type CallFault = 'none' | 'reset' | 'stall' | 'unavailable' | 'internal'

/** How many of a hundred calls, or connections, meet what. */
export const percent = { refused: 10, reset: 5, stall: 5, unavailable: 5, internal: 5 } as const

/** The faults of one run. What the n-th call and the n-th connection meet is the same for all who play the same seed. */
export interface FaultPlan {
  nextCall(): CallFault
  /** True for a connection that is to be refused. */
  nextConnection(): boolean
}

export const noFaults: FaultPlan = { nextCall: () => 'none', nextConnection: () => false }

export function faultPlan(seed: number): FaultPlan {
  const chances = seededRandom(seed)
  // Of its own, so that a client with more connections meets the same calls.
  const connectionChances = seededRandom(~seed)
  return {
    nextCall() {
      let chance = chances() * 100
      for (const fault of ['reset', 'stall', 'unavailable', 'internal'] as const) {
        chance -= percent[fault]
        if (chance < 0) return fault
      }
      return 'none'
    },
    nextConnection: () => connectionChances() * 100 < percent.refused,
  }
}
