import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'vitest'

/** Counts promises that reject while nobody listens, between `watch` and `expectNone`. */
export function unhandledRejections() {
  let seen: unknown[] = []
  const note = (reason: unknown) => void seen.push(reason)
  return {
    watch: () => {
      seen = []
      process.on('unhandledRejection', note)
    },
    expectNone: async () => {
      await nextTurn()
      process.off('unhandledRejection', note)
      expect(seen).toEqual([])
    },
  }
}
