import { describe, expect, it } from 'vitest'
import { type ErrorCode, ExovisorError } from '../../src/errors.ts'
import type { Child } from '../../src/supervision/child.ts'
import {
  closedError,
  endedError,
  escalatedError,
  exhaustedError,
  gaveUpError,
  neededError,
  startError,
  strategyError,
  takenError,
} from '../../src/supervision/supervisor-errors.ts'

const child = { id: 'a', ref: { label: 'peer "a"', state: 'READY' } } as unknown as Child
const lost = new ExovisorError('EXO_PEER_TIMEOUT', 'lost', { details: { address: 'attic' } })
const at = { supervisor: 'node/peers', id: 'a' }

describe('an error of a supervisor', () => {
  it.each<[string, () => ExovisorError, ErrorCode, string, object]>([
    [
      'that is closed',
      () => closedError('node'),
      'EXO_RESOURCE_CLOSED',
      'supervisor "node" is being closed',
      {},
    ],
    [
      'that has a child of that id',
      () => takenError('node/peers', child),
      'EXO_CHILD_SPEC_INVALID',
      'supervisor "node/peers" has a child "a" already, which is READY; expected another id',
      at,
    ],
    [
      'whose child ended in the normal way',
      () => endedError(child),
      'EXO_RESOURCE_CLOSED',
      'peer "a" has ended in the normal way and is not restarted',
      {},
    ],
    [
      'of another strategy',
      () => strategyError('node', 'one_for_one', 'spawn', 'expected dynamic'),
      'EXO_STRATEGY_MISMATCH',
      'supervisor "node" has the strategy one_for_one, which has no spawn; expected dynamic',
      { supervisor: 'node', strategy: 'one_for_one', operation: 'spawn' },
    ],
    [
      'that is full',
      () => exhaustedError('node', 3),
      'EXO_CHILDREN_EXHAUSTED',
      'supervisor "node" has 3 children, as many as it may have',
      { supervisor: 'node', maxChildren: 3 },
    ],
    [
      'whose child is needed',
      () => neededError('node/peers', 'a', ['b', 'c']),
      'EXO_CHILD_SPEC_INVALID',
      'supervisor "node/peers" cannot remove "a", which b, c need; remove them first',
      { ...at, by: ['b', 'c'] },
    ],
    [
      'that gave up after a failure',
      () => gaveUpError('node/peers', child, { limit: 3, within: 60_000 }, lost),
      'EXO_INTENSITY_EXCEEDED',
      'supervisor "node/peers" gave up on peer "a": it needed more than 3 restarts within 60000 ms; the last failure: lost',
      { ...at, restarts: 3, within: 60_000 },
    ],
    [
      'that escalates',
      () => escalatedError('node/peers', child, lost),
      'EXO_ESCALATED',
      'supervisor "node/peers" escalates a failure of peer "a" that its policy says no restart cures: lost',
      at,
    ],
    [
      'that cannot start a child',
      () => startError('node/peers', child, lost),
      'EXO_PEER_TIMEOUT',
      'supervisor "node/peers" could not start peer "a": lost',
      { ...at, address: 'attic' },
    ],
  ])('%s says who, with whom and why, as text and as data', (_, make, code, message, details) => {
    const error = make()
    expect(error).toMatchObject({ code, message })
    expect(error.details).toEqual(details)
  })

  it('leads to what was behind it', () => {
    for (const error of [
      gaveUpError('node', child, { limit: 0, within: 1 }, lost),
      escalatedError('node', child, lost),
      startError('node', child, lost),
    ])
      expect(error.cause).toBe(lost)
  })

  it('that gave up after normal ends says so', () => {
    const error = gaveUpError('node', child, { limit: 0, within: 1 }, undefined)
    expect(error.message).toMatch(/; the last failure: none, it ended$/)
    expect(error.cause).toBeUndefined()
  })

  it('that cannot start a child for a reason that is no error of ours is a failed resource', () => {
    const error = startError('node', child, 'a text')
    expect(error).toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      message: 'supervisor "node" could not start peer "a": a text',
      cause: 'a text',
    })
    expect(error.details).toEqual({ supervisor: 'node', id: 'a' })
  })
})
