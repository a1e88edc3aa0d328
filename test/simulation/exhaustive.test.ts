import { describe, expect, it } from 'vitest'
import { defaultPolicy } from '../../src/supervision/policy.ts'
import type { StrategyName } from '../../src/supervision/types.ts'
import { play } from './play.ts'
import { failureReport } from './report.ts'
import type { Action, LeafPlan, LifePlan, Scenario } from './scenario.ts'

/** Small times: an event may come before, in, and after each of them. */
const policy: LeafPlan['policy'] = {
  ...defaultPolicy,
  restart: 'permanent',
  backoff: { initial: 4, factor: 1, max: 4, jitter: 'none', resetAfter: 50 },
  intensity: { restarts: 2, within: 1_000 },
  startTimeout: 20,
  shutdown: 20,
}

const life: LifePlan = {
  start: 'ok',
  startAfter: 2,
  hops: 0,
  heedsAbort: true,
  cleanup: 'ok',
  cleanupAfter: 3,
  recover: 'ok',
  turns: [],
}

const leaf = (id: string): LeafPlan => ({
  id,
  restart: 'permanent',
  policy,
  start: true,
  mailbox: 10,
  checksHealth: false,
  recovers: false,
  lives: Array.from({ length: 8 }, () => life),
})

/** What may happen, in any order and any number of times. Between two of these no time passes, unless one of them is time. */
function alphabet(ids: readonly string[]): readonly Action[] {
  const [first = '', last = first] = [ids[0], ids.at(-1)]
  return [
    { do: 'fail', id: first },
    { do: 'fail', id: last },
    { do: 'stop', id: last },
    { do: 'restart', id: first },
    { do: 'advance', ms: 4 },
  ]
}

/** All words of that many letters. */
function* words<T>(letters: readonly T[], length: number): Generator<readonly T[]> {
  if (length === 0) yield []
  else for (const word of words(letters, length - 1)) for (const letter of letters) yield [...word, letter]
}

function* worlds(strategy: StrategyName, children: number, events: number): Generator<Scenario> {
  const ids = ['a', 'b', 'c'].slice(0, children)
  const root = { id: 'root', restart: 'permanent', policy, strategy, children: ids.map(leaf) } as const
  for (const word of words(alphabet(ids), events)) {
    yield { seed: 1, root, script: [...word, { do: 'advance', ms: 1 }] }
  }
}

describe('small worlds, in every order of events', () => {
  it.each(['one_for_one', 'one_for_all', 'rest_for_one'] as const)(
    'keep every promise under %s',
    async strategy => {
      let count = 0
      for (let children = 1; children <= 3; children += 1) {
        for (let events = 0; events <= (children === 3 ? 5 : 3); events += 1) {
          for (const scenario of worlds(strategy, children, events)) {
            count += 1
            const verdict = await play(scenario)
            if (verdict.violation) {
              expect.fail(`${JSON.stringify(scenario.script)}\n${failureReport(verdict, false)}`)
            }
          }
        }
      }
      console.log(`${strategy}: ${count} worlds`)
      expect(count).toBeGreaterThan(4_000)
    },
    180_000,
  )
})
