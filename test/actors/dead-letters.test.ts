import { describe, expect, it } from 'vitest'
import { type AddressedDeadLetter, DeadLetters } from '../../src/actors/dead-letters.ts'

const letter = (number: number, reason: AddressedDeadLetter['reason'] = 'mailbox full') => ({
  message: { number },
  reason,
  count: number,
  at: number * 10,
  kind: 'peer',
  name: 'attic',
  incarnation: 1,
})

describe('dead letters', () => {
  it('are counted by reason', () => {
    const dead = new DeadLetters()
    for (const reason of ['closed', 'closed', 'dropped'] as const) dead.record(letter(1, reason))
    expect(dead.total).toBe(3)
    expect(dead.counts).toEqual({ closed: 2, dropped: 1, 'mailbox full': 0, 'not received': 0 })
  })

  it('are kept as plain data, the last few only, the oldest first', () => {
    const dead = new DeadLetters({ keep: 3 })
    expect(dead.recent()).toEqual([])
    for (const number of [1, 2]) dead.record(letter(number))
    expect(dead.recent().map(({ count }) => count)).toEqual([1, 2])
    for (const number of [3, 4, 5]) dead.record(letter(number))
    expect(dead.recent()).toEqual(
      [3, 4, 5].map(number => ({ ...letter(number), message: `{ number: ${number} }` })),
    )
    expect(dead.total).toBe(5)
  })

  it('keep a hundred messages alive, unless told otherwise, and no more', () => {
    const dead = new DeadLetters()
    for (let number = 1; number <= 250; number += 1) dead.record(letter(number))
    expect(dead.recent()).toHaveLength(100)
    expect(dead.recent()[0]?.count).toBe(151)
    const none = new DeadLetters({ keep: 0 })
    none.record(letter(1))
    expect([none.recent(), none.total]).toEqual([[], 1])
  })

  it('are announced to each subscriber with the message itself, until it leaves', () => {
    const dead = new DeadLetters()
    const seen: AddressedDeadLetter[] = []
    const leave = dead.subscribe(each => void seen.push(each))
    const first = letter(1)
    dead.record(first)
    leave()
    dead.record(letter(2))
    expect(seen).toEqual([first])
    expect(seen[0]?.message).toBe(first.message)
  })

  it('that a subscriber causes are counted but not announced, so that it ends', () => {
    const dead = new DeadLetters()
    let told = 0
    dead.subscribe(() => {
      told += 1
      dead.record(letter(99))
    })
    dead.record(letter(1))
    dead.record(letter(2))
    expect([told, dead.total]).toEqual([2, 4])
  })

  it('survive a subscriber that throws: the fault is handed on, the others are told', () => {
    const faults: unknown[] = []
    const dead = new DeadLetters({ onFault: error => void faults.push(error) })
    let told = 0
    dead.subscribe(() => {
      throw new Error('bad subscriber')
    })
    dead.subscribe(() => {
      told += 1
    })
    dead.record(letter(1))
    dead.record(letter(2))
    expect(told).toBe(2)
    expect(faults).toMatchObject([{ message: 'bad subscriber' }, { message: 'bad subscriber' }])
  })
})
