import { describe, expect, it } from 'vitest'
import { defaultPolicy } from '../../src/supervision/policy.ts'
import type { StrategyName } from '../../src/supervision/types.ts'
import { play } from './play.ts'
import { failureReport } from './report.ts'
import type { Action, BranchPlan, LeafPlan, LifePlan, Scenario } from './scenario.ts'

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

/** Those up to a length, without the ones that are another one and time before or after it, which passes anyway. */
function* stories(letters: readonly Action[], longest: number): Generator<readonly Action[]> {
  for (let length = 0; length <= longest; length += 1)
    for (const word of words(letters, length))
      if (word[0]?.do !== 'advance' && word.at(-1)?.do !== 'advance') yield word
}

const supervisor = { id: 'root', restart: 'permanent', policy } as const
const scenario = (root: BranchPlan, script: readonly Action[]): Scenario => ({
  seed: 1,
  root,
  script: [...script, { do: 'advance', ms: 1 }],
})

/** Children, and who depends on whom among them. */
function* listed(
  strategy: StrategyName,
  children: number,
  events: number,
  needs: Readonly<Record<string, readonly string[]>> = {},
): Generator<Scenario> {
  const ids = ['a', 'b', 'c'].slice(0, children)
  const leaves = ids.map(id => ({ ...leaf(id), ...(needs[id] && { dependsOn: needs[id] }) }))
  for (const story of stories(alphabet(ids), events))
    yield scenario({ ...supervisor, strategy, children: leaves }, story)
}

function* spawned(events: number): Generator<Scenario> {
  const template = { ...leaf('k'), kind: 'k' }
  const root: BranchPlan = { ...supervisor, strategy: 'dynamic', maxChildren: 2, template, children: [] }
  const spawn: Action = { do: 'spawn', in: 'root', lives: template.lives }
  const letters: readonly Action[] = [
    spawn,
    { ...spawn, id: 'k-1' },
    { do: 'fail', id: 'k-1' },
    { do: 'fail', id: 'k-2' },
    { do: 'stop', id: 'k-1' },
    { do: 'advance', ms: 4 },
  ]
  // Before the first spawn nothing else has anybody to happen to.
  for (const story of stories(letters, events - 1)) yield scenario(root, [spawn, ...story])
}

function* all(...kinds: readonly Iterable<Scenario>[]): Generator<Scenario> {
  for (const kind of kinds) yield* kind
}

/** Each kind of small world with how many of them there are, so that none is lost unseen. */
const kinds: readonly (readonly [kind: string, count: number, worlds: () => Iterable<Scenario>])[] = [
  ...(['one_for_one', 'one_for_all', 'rest_for_one'] as const).map(
    strategy =>
      [
        strategy,
        2_703,
        () => all(listed(strategy, 1, 3), listed(strategy, 2, 3), listed(strategy, 3, 5)),
      ] as const,
  ),
  ['dependency_closure, a pair', 101, () => listed('dependency_closure', 2, 3, { b: ['a'] })],
  ['dependency_closure, a chain', 2_501, () => listed('dependency_closure', 3, 5, { b: ['a'], c: ['b'] })],
  [
    'dependency_closure, two that need one',
    2_501,
    () => listed('dependency_closure', 3, 5, { b: ['a'], c: ['a'] }),
  ],
  [
    'dependency_closure, one that needs two',
    2_501,
    () => listed('dependency_closure', 3, 5, { c: ['a', 'b'] }),
  ],
  ['dynamic', 1_081, () => spawned(5)],
]

describe('small worlds, in every order of events', () => {
  it.each(kinds)(
    'keep every promise under %s: all %i of them',
    async (_, expected, worlds) => {
      let count = 0
      for (const world of worlds()) {
        count += 1
        const verdict = await play(world)
        if (verdict.violation) {
          expect.fail(`${JSON.stringify(world.script)}\n${failureReport(verdict, false)}`)
        }
      }
      expect(count).toBe(expected)
    },
    180_000,
  )
})
