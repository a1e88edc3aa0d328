import { describe, expect, it } from 'vitest'
import { TaskRegistry } from '../../src/concurrency/task-registry.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { silentLog } from '../../src/resources/log.ts'
import { Registry } from '../../src/resources/registry.ts'
import { checkOptions } from '../../src/supervision/check-options.ts'
import { EventStream } from '../../src/supervision/events/stream.ts'
import type { SuperviseOptions } from '../../src/supervision/types.ts'

const check = (options: unknown) => checkOptions(options as SuperviseOptions)

/** Where the options are refused, and what was expected there; nothing when they are taken. */
function refused(options: unknown): readonly string[] {
  try {
    check(options)
    return []
  } catch (error) {
    const { details } = error as { details: { faults: readonly { path: string; expected: string }[] } }
    return details.faults.map(({ path, expected }) => `${path}: ${expected}`)
  }
}
const paths = (options: unknown) => refused(options).map(fault => fault.split(':')[0])

const clock = new VirtualClock()
const nothing = () => undefined
const tools = {
  clock,
  log: silentLog,
  scheduler: { post: nothing },
  deadLetters: { record: nothing },
  events: new EventStream({ clock, log: silentLog }),
  registry: new Registry(silentLog),
  tasks: new TaskRegistry(clock),
}

describe('the options of a root', () => {
  it('may all be left out, and may all be there', () => {
    expect([
      refused({}),
      refused(Object.fromEntries(Object.keys(tools).map(key => [key, undefined]))),
    ]).toEqual([[], []])
    const turn = { tasks: 1, ms: 0 }
    expect(
      refused({
        ...tools,
        name: 'n'.repeat(256),
        random: Math.random,
        turn,
        inspect: nothing,
        createActor: nothing,
      }),
    ).toEqual([])
    expect(refused({ name: undefined, random: undefined, turn: undefined, inspect: undefined })).toEqual([])
  })

  it('are refused one and all, with what each should be', () => {
    expect(
      refused({
        name: '',
        random: 5,
        turn: 'short',
        inspect: 'all',
        createActor: 5,
        clock: 1,
        scheduler: nothing,
      }),
    ).toEqual([
      'name: a text of 1 to 256 characters',
      'random: a function',
      'createActor: a function',
      'turn: tasks of at least 1, and ms of at least 0',
      'inspect: an inspection observer',
      'clock: an object with now, setTimeout, clearTimeout, nextTurn',
      'scheduler: an object with post',
    ])
  })

  it.each(['clock', 'log', 'events', 'registry', 'tasks'] as const)(
    'are refused when one method of the %s is missing',
    key => {
      const methods =
        refused({ [key]: null })[0]
          ?.replace(/^.* with /, '')
          .split(', ') ?? []
      expect(methods.length).toBeGreaterThan(1)
      const whole = Object.fromEntries(methods.map(method => [method, nothing]))
      expect(paths({ [key]: whole })).toEqual([])
      for (const method of methods) expect(paths({ [key]: { ...whole, [method]: 5 } }), method).toEqual([key])
    },
  )

  it.each([
    [{}, true],
    [{ tasks: 1 }, true],
    [{ ms: 0 }, true],
    [{ ms: 0.5 }, true],
    [{ ms: Number.POSITIVE_INFINITY }, true],
    [{ tasks: 0 }, false],
    [{ tasks: 1.5 }, false],
    [{ tasks: '2' }, false],
    [{ ms: -1 }, false],
    [{ ms: Number.NaN }, false],
    [{ ms: '5' }, false],
    [null, false],
    [[], false],
    [5, false],
  ])('with a turn of %j are taken: %s', (turn, isTaken) => {
    expect(paths({ turn })).toEqual(isTaken ? [] : ['turn'])
  })

  it('may have an observer that is a function or an object with methods', () => {
    expect([nothing, { next: nothing }, null, 5].map(inspect => paths({ inspect }).length)).toEqual([
      0, 0, 1, 1,
    ])
  })

  it.each([null, undefined, 5, 'a text', []])('that are %j are refused as a whole', options => {
    expect(refused(options)).toEqual(['options: an object: what a supervisor is made of'])
  })

  it('that cannot be read are told with the field', () => {
    const hostile = {
      get clock(): never {
        throw new Error('no clock')
      },
    }
    expect(() => check(hostile)).toThrow(
      expect.objectContaining({
        code: 'EXO_CHILD_SPEC_INVALID',
        message: 'supervisor "root": clock cannot be read: no clock, expected plain data',
      }),
    )
    const odd = new Proxy(
      {},
      {
        get: () => {
          throw new Error('no method')
        },
      },
    )
    expect(refused({ log: odd })).toEqual(['options: plain data'])
  })
})
