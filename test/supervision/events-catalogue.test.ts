import { describe, expect, it } from 'vitest'
import type { SuperviseOptions, SupervisionEvent, SupervisionEventType } from '../../src/supervision/types.ts'
import { grow, kid } from './tree.ts'

interface Story {
  readonly when: string
  /** Lets it happen to child `a`, in a tree of its own. The result is everything that was told. */
  tell(): Promise<readonly SupervisionEvent[]>
  /** The facts of the first event of the type. */
  readonly facts: Partial<SupervisionEvent>
}

type Tree = Awaited<ReturnType<typeof grow>>

/** What a tree with one child told during a plot. */
async function during(
  child: ReturnType<typeof kid>,
  plot: (tree: Tree) => Promise<unknown> | unknown,
  options: Partial<SuperviseOptions> = {},
) {
  const tree = await grow([child.spec], options)
  await plot(tree)
  const told = [...tree.events]
  const closing = tree.root.close()
  for (const life of child.lives) life.cleaned.resolve()
  await closing
  expect(tree.clock.pending).toBe(0)
  return told
}

const lost = { code: 'EXO_RESOURCE_FAILED', message: 'scripted "a" failed: lost' } as const
const causes = [{ message: 'lost' }]
const fail = ({ root }: Tree) => root.ref('a').fail(new Error('lost'))
const failAndReturn = async (tree: Tree) => {
  fail(tree)
  await tree.clock.advance(100)
}
const window = { used: 1, limit: 3, within: 60_000 }

const circuit = { intensity: { restarts: 0 }, circuit: 50 } as const

const stories: Readonly<Record<SupervisionEventType, Story>> = {
  started: {
    when: 'an incarnation begins to initialise',
    tell: () => during(kid('a'), () => undefined),
    facts: { incarnation: 1, attempt: 0, window: { used: 0, limit: 3, within: 60_000 } },
  },
  ready: {
    when: 'an incarnation is READY for the first time',
    tell: () => during(kid('a'), () => undefined),
    facts: { incarnation: 1, attempt: 0 },
  },
  degraded: {
    when: 'READY becomes DEGRADED',
    tell: () => during(kid('a'), ({ root }) => root.ref('a').degrade(new Error('slow'))),
    facts: {
      error: { code: 'EXO_RESOURCE_FAILED', message: 'scripted "a" is degraded: slow' },
      causes: [{ message: 'slow' }],
    },
  },
  recovered: {
    when: 'DEGRADED becomes READY again',
    tell: () => {
      const a = kid('a')
      return during(a, ({ root }) => {
        root.ref('a').degrade('slow')
        a.lives[0]?.self.recovered()
      })
    },
    facts: { incarnation: 1 },
  },
  soft_restart: {
    when: 'the grace time of a DEGRADED child is over and it can recover',
    tell: () =>
      during(kid('a', { recover: async () => undefined }), async ({ root, clock }) => {
        root.ref('a').degrade('slow')
        await clock.advance(1_000)
      }),
    facts: { at: 1_000, count: 1 },
  },
  failed: {
    when: 'a child that was READY goes to ERROR',
    tell: () => during(kid('a'), fail),
    facts: {
      directive: 'restart',
      incarnation: 1,
      error: lost,
      causes,
    },
  },
  child_terminated: {
    when: 'an incarnation is CLOSED',
    tell: () => during(kid('a'), failAndReturn),
    facts: { incarnation: 1, error: lost, causes },
  },
  start_error: {
    when: 'a successor goes to ERROR before it was READY',
    tell: () => {
      const a = kid('a')
      return during(a, async tree => {
        a.script.initialize = 'wait'
        await failAndReturn(tree)
        a.lives[1]?.initialized.reject(new Error('refused'))
        await tree.clock.settle()
      })
    },
    facts: {
      directive: 'restart',
      incarnation: 2,
      attempt: 1,
      window,
      error: { code: 'EXO_RESOURCE_FAILED', message: 'scripted "a" failed to initialise: refused' },
      causes: [{ message: 'refused' }],
    },
  },
  backoff_scheduled: {
    when: 'a restart waits',
    tell: () => during(kid('a'), failAndReturn),
    facts: { incarnation: 1, attempt: 1, delay: 100, window },
  },
  restarted: {
    when: 'a successor is READY',
    tell: () => during(kid('a'), failAndReturn),
    facts: { at: 100, incarnation: 2, attempt: 1, window },
  },
  gave_up: {
    when: 'the intensity of a child is spent',
    tell: () =>
      during(kid('a', {}, { policy: { intensity: { restarts: 0 } } }), async tree => {
        fail(tree)
        await tree.root.closed
      }),
    facts: {
      window: { used: 0, limit: 0, within: 60_000 },
      error: expect.objectContaining({ code: 'EXO_INTENSITY_EXCEEDED' }) as never,
      causes: [{ code: lost.code, message: lost.message }, ...causes],
    },
  },
  stopped: {
    when: 'somebody stops a child',
    tell: () => during(kid('a'), ({ root }) => root.stop('a')),
    facts: { reason: 'stopped by hand' },
  },
  dead_letter: {
    when: 'a message is refused',
    tell: () =>
      during(kid('a'), async ({ root }) => {
        await root.stop('a')
        root.ref('a').tell('x')
      }),
    facts: { reason: 'closed', count: 1 },
  },
  shutdown_error: {
    when: 'a cleanup takes too long',
    tell: () =>
      during(kid('a', { cleanup: 'wait' }), async ({ root, clock }) => {
        root.ref('a').fail('x')
        await clock.advance(300)
      }),
    facts: {
      at: 300,
      incarnation: 1,
      error: {
        code: 'EXO_SHUTDOWN_TIMEOUT',
        message: 'scripted "a" did not finish its cleanup within 300 ms',
      },
    },
  },
  resumed: {
    when: 'the directive for a failure is to go on',
    tell: () => during(kid('a', {}, { policy: { decide: { '*': 'resume' } } }), fail),
    facts: { directive: 'resume', incarnation: 1, error: lost, causes },
  },
  escalated: {
    when: 'the directive for a failure is to leave it to the supervisor',
    tell: () =>
      during(kid('a', {}, { policy: { decide: { '*': 'escalate' } } }), async tree => {
        fail(tree)
        await tree.root.closed
      }),
    facts: {
      error: expect.objectContaining({ code: 'EXO_ESCALATED' }) as never,
      causes: [{ code: lost.code, message: lost.message }, ...causes],
    },
  },
  circuit_opened: {
    when: 'the intensity of a child with a circuit is spent',
    tell: () => during(kid('a', {}, { policy: circuit }), failAndReturn),
    facts: {
      delay: 50,
      error: expect.objectContaining({ code: 'EXO_INTENSITY_EXCEEDED' }) as never,
      causes: [{ code: lost.code, message: lost.message }, ...causes],
    },
  },
  circuit_half_open: {
    when: 'the time of an open circuit is over',
    tell: () => during(kid('a', {}, { policy: circuit }), failAndReturn),
    facts: { at: 50, incarnation: 1 },
  },
  circuit_closed: {
    when: 'the trial of a circuit is READY',
    tell: () => during(kid('a', {}, { policy: circuit }), failAndReturn),
    facts: { at: 50, incarnation: 2 },
  },
  ignored: {
    when: 'a child finds while it initialises that it is not wanted',
    tell: () => {
      const a = kid('a', { initialize: 'wait' })
      return during(
        a,
        async ({ root, clock }) => {
          const restarted = root.restart('a').catch(() => undefined)
          await clock.settle()
          a.lives[0]?.self.ignore('not here')
          a.lives[0]?.initialized.resolve()
          await restarted
        },
        { children: [{ ...a.spec, start: false }] },
      )
    },
    facts: { reason: 'not here', incarnation: 1 },
  },
  suspended: {
    when: 'somebody lets a child rest',
    tell: () => during(kid('a'), ({ root }) => root.suspend('a')),
    facts: { incarnation: 1 },
  },
  unsuspended: {
    when: 'somebody lets a child go on',
    tell: () =>
      during(kid('a'), ({ root }) => {
        root.suspend('a')
        root.resume('a')
      }),
    facts: { incarnation: 1 },
  },
  reloaded: {
    when: 'a child has taken a new spec over',
    tell: () => {
      const a = kid('a')
      return during(a, ({ root }) => root.reload({ children: [{ ...a.spec, restart: 'transient' }] }))
    },
    facts: { incarnation: 1 },
  },
  auto_shutdown: {
    when: 'the end of a significant child ends its supervisor',
    tell: () => {
      const a = kid('a', {}, { restart: 'transient', significant: true })
      return during(
        a,
        async ({ root }) => {
          a.lives[0]?.self.end()
          await root.closed
        },
        { autoShutdown: 'any_significant' },
      )
    },
    facts: { reason: 'any_significant' },
  },
  storm_delayed: {
    when: 'a restart has no place among those that start',
    tell: () => {
      const [a, slow] = [kid('a'), kid('slow', { initialize: 'wait' })]
      return during(
        a,
        async tree => {
          const started = tree.root.start(slow.spec)
          await tree.clock.settle()
          await failAndReturn(tree)
          slow.lives[0]?.initialized.resolve()
          await started
        },
        { concurrentStarts: 1 },
      )
    },
    facts: { at: 100, count: 1, attempt: 1, incarnation: 1 },
  },
}

describe('a supervisor tells', () => {
  for (const [type, { when, tell, facts }] of Object.entries(stories)) {
    it(`${type}, when ${when}`, async () => {
      const told = (await tell()).find(event => event.type === type)
      expect(told).toMatchObject({ supervisor: 'root', name: 'a', kind: 'scripted', ...facts })
      const base = ['type', 'at', 'supervisor', 'name', 'kind', 'incarnation', 'attempt', 'window']
      const extra = ['error', 'causes', 'delay', 'reason', 'count', 'directive'].filter(key => key in facts)
      expect(Object.keys(told ?? {}).sort(), 'no other facts').toEqual([...base, ...extra].sort())
      expect(JSON.parse(JSON.stringify(told))).toEqual(told)
    })
  }
})
