import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Deferred, deferred } from '../../src/concurrency/deferred.ts'
import { seededRandom } from '../../src/concurrency/random.ts'
import { SeededScheduler } from '../../src/concurrency/scheduler.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { calm, grow, kid } from '../supervision/tree.ts'

type Act =
  | { readonly do: 'ask'; readonly timeout: number }
  | { readonly do: 'abort' | 'answer' | 'throw'; readonly nth: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'fail' | 'degrade' | 'restart' | 'stop' }

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('ask' as const), timeout: fc.integer({ min: 1, max: 400 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('abort' as const, 'answer' as const, 'throw' as const),
      nth: fc.nat(5),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.nat(200) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('fail' as const, 'degrade' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'stop' as const) }) },
)

/** What an ask may end with. */
const ends = new Set([
  'answer',
  'thrown',
  'EXO_ASK_TIMEOUT',
  'EXO_ABORTED',
  'EXO_RESOURCE_FAILED',
  'EXO_RESOURCE_CLOSED',
  'EXO_INTENSITY_EXCEEDED',
  'EXO_MAILBOX_FULL',
])

async function play(acts: readonly Act[], seed: number) {
  const clock = new VirtualClock()
  const answers: Deferred<string>[] = []
  const child = kid('a', {
    receive: () => {
      const answer = deferred<string>()
      answers.push(answer)
      return answer.promise
    },
  })
  const { root } = await grow([child.typed as never], {
    clock,
    scheduler: new SeededScheduler(clock, seededRandom(seed)),
    policies: { default: { ...calm, intensity: { restarts: 20, within: 60_000 } } },
  })
  const ref = root.ref(child.definition, 'a')
  const forever = new AbortController()
  const limits: AbortController[] = []
  const settled: string[][] = []
  const ask = (timeout: number): void => {
    const controller = new AbortController()
    limits.push(controller)
    // Every second ask goes by a signal that lives longer than all of them.
    const signal = limits.length % 2 === 0 ? forever.signal : controller.signal
    const ends: string[] = []
    settled.push(ends)
    ref.ask('question', { timeout, signal }).then(
      () => ends.push('answer'),
      (error: { code?: string; message: string }) => ends.push(error.code ?? error.message),
    )
  }
  const steps: { readonly [Name in Act['do']]: (act: Extract<Act, { do: Name }>) => unknown } = {
    ask: ({ timeout }) => ask(timeout),
    abort: ({ nth }) => limits.at(-nth)?.abort(),
    answer: ({ nth }) => answers.at(-nth)?.resolve('answer'),
    throw: ({ nth }) => answers.at(-nth)?.reject(new Error('thrown')),
    advance: ({ ms }) => clock.advance(ms),
    fail: () => ref.fail('crash'),
    degrade: () => ref.degrade('slow'),
    restart: () => void root.restart('a').catch(() => undefined),
    stop: () => void root.stop('a').catch(() => undefined),
  }
  for (const each of acts) {
    await steps[each.do](each as never)
    if (each.do === 'fail') await clock.settle()
  }
  for (const answer of answers) answer.resolve('late')
  await clock.advance(2_000)
  return { settled, clock, root, forever }
}

describe('an ask', () => {
  it('settles exactly once, and leaves neither timer nor listener, whatever happens in whatever order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 40, size: 'max' }), fc.nat(), async (acts, seed) => {
        const { settled, clock, root, forever } = await play(acts, seed)
        for (const outcomes of settled) {
          expect(outcomes).toHaveLength(1)
          expect(ends).toContain(outcomes[0])
        }
        expect(getEventListeners(forever.signal, 'abort')).toEqual([])
        await root.close()
        expect(clock.pending).toBe(0)
      }),
      { numRuns: 200 },
    )
  })
})
