import { getEventListeners } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, expect } from 'vitest'
import { silentLog } from '../../src/resources/log.ts'
import { Registry } from '../../src/resources/registry.ts'
import type { SuperviseOptions } from '../../src/supervision/types.ts'
import { grow as growTree, type kid } from './tree.ts'

type Kid = ReturnType<typeof kid>

const HOUR = 3_600_000
const faults = ['unhandledRejection', 'uncaughtException', 'uncaughtExceptionMonitor', 'warning'] as const

const listenersOfProcess = (): number =>
  process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)

/** All signals that somebody listens to, from `watch` to `end`, whoever made them. */
function signalWatch() {
  const own = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'addEventListener')
  const signals = new Set<AbortSignal>()
  return {
    watch: () => {
      signals.clear()
      const { addEventListener } = EventTarget.prototype
      Object.defineProperty(AbortSignal.prototype, 'addEventListener', {
        configurable: true,
        value(this: AbortSignal, ...rest: Parameters<typeof addEventListener>) {
          signals.add(this)
          addEventListener.apply(this, rest)
        },
      })
    },
    end: () => {
      if (own) Object.defineProperty(AbortSignal.prototype, 'addEventListener', own)
      else Reflect.deleteProperty(AbortSignal.prototype, 'addEventListener')
    },
    /** Listeners that still wait for an abort. */
    count: () => {
      const waiting = [...signals].filter(({ aborted }) => !aborted)
      return waiting.reduce((sum, signal) => sum + getEventListeners(signal, 'abort').length, 0)
    },
  }
}

/**
 * Closes each tree that a test has grown, and counts what is left of it then: orphans (incarnations of the kids that were not
 * cleaned up exactly once), timers, entries of the registry, listeners of signals and of the process, unhandled rejections and exceptions.
 */
export function leakCheck() {
  const signals = signalWatch()
  let seen: string[] = []
  let before = 0
  let closers: (() => Promise<void>)[] = []
  const note = (fault: unknown): void =>
    void seen.push(fault instanceof Error ? String(fault.stack) : typeof fault)

  beforeEach(() => {
    seen = []
    closers = []
    signals.watch()
    for (const fault of faults) process.on(fault, note)
    before = listenersOfProcess()
  })

  afterEach(async () => {
    try {
      for (const close of closers) await close()
      await nextTurn()
      expect(seen).toEqual([])
      expect(listenersOfProcess()).toBe(before)
      expect(signals.count()).toBe(0)
    } finally {
      for (const fault of faults) process.off(fault, note)
      signals.end()
    }
  })

  return {
    /** As the one of `tree.ts`, with the kids whose incarnations are counted. */
    grow: async (kids: readonly Kid[], options: Partial<SuperviseOptions> = {}) => {
      const registry = new Registry(silentLog)
      const world = await growTree(
        kids.map(({ spec }) => spec),
        { registry, ...options },
      )
      closers.push(async () => {
        const { root, clock } = world
        const closed = root.close()
        await clock.advance(HOUR)
        await closed
        const orphans = kids.flatMap(({ id, lives }) => {
          const cleanups = lives.reduce((sum, life) => sum + life.cleanups.length, 0)
          return cleanups === lives.length
            ? []
            : [`${id}: ${cleanups} cleanups of ${lives.length} incarnations`]
        })
        expect({ orphans, timers: clock.pending, registered: registry.size, state: root.state }).toEqual({
          orphans: [],
          timers: 0,
          registered: 0,
          state: 'CLOSED',
        })
      })
      return { ...world, registry }
    },
  }
}
