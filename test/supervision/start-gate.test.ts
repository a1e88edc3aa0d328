import { describe, expect, it } from 'vitest'
import { StartGate } from '../../src/supervision/start-gate.ts'

function crowd(limit: number) {
  const admitted: string[] = []
  const gate = new StartGate(limit)
  const starter = (name: string) => ({ hasPlace: false, admitted: () => admitted.push(name) > 0 })
  return { gate, admitted, starter }
}

describe('the gate of starts', () => {
  it('admits as many as it has places for, and the others when a place is given back, first come, first served', () => {
    const { gate, admitted, starter } = crowd(2)
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(starter)
    for (const each of [a, b, c, d]) gate.enter(each!)
    expect(admitted).toEqual(['a', 'b'])
    gate.leave(b!)
    expect(admitted).toEqual(['a', 'b', 'c'])
    gate.leave(b!)
    expect(admitted).toEqual(['a', 'b', 'c'])
    gate.leave(a!)
    expect(admitted).toEqual(['a', 'b', 'c', 'd'])
  })

  it('forgets who leaves before there was a place', () => {
    const { gate, admitted, starter } = crowd(1)
    const [a, b, c] = ['a', 'b', 'c'].map(starter)
    for (const each of [a, b, c]) gate.enter(each!)
    gate.leave(b!)
    gate.leave(a!)
    expect(admitted).toEqual(['a', 'c'])
    expect([a, b, c].map(each => each!.hasPlace)).toEqual([false, false, true])
  })

  it('gives the place that somebody turns down to the next who waits', () => {
    const { gate, admitted, starter } = crowd(1)
    const [first, last, later] = ['first', 'last', 'later'].map(starter)
    const unwilling = { hasPlace: false, admitted: () => false }
    gate.enter(first!)
    gate.enter(unwilling)
    gate.enter(last!)
    gate.leave(first!)
    expect(admitted).toEqual(['first', 'last'])
    expect(unwilling.hasPlace).toBe(false)
    gate.leave(last!)
    gate.enter(unwilling)
    gate.enter(later!)
    expect(admitted).toEqual(['first', 'last', 'later'])
  })

  it('admits nobody while it is shut, and then those who wait still, first come, first served', () => {
    const { gate, admitted, starter } = crowd(1)
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(starter)
    for (const each of [a, b, c]) gate.enter(each!)
    gate.whileShut(() => {
      gate.whileShut(() => gate.leave(a!))
      gate.enter(d!)
      gate.leave(b!)
      expect(admitted).toEqual(['a'])
    })
    expect(admitted).toEqual(['a', 'c'])
  })

  it('admits more at once when its limit grows, and nobody anew before there is room when it shrinks', () => {
    const { gate, admitted, starter } = crowd(1)
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(starter)
    for (const each of [a, b, c, d]) gate.enter(each!)
    gate.limit = 3
    expect(admitted).toEqual(['a', 'b', 'c'])
    gate.limit = 1
    gate.leave(a!)
    gate.leave(b!)
    expect(admitted).toEqual(['a', 'b', 'c'])
    gate.leave(c!)
    expect(admitted).toEqual(['a', 'b', 'c', 'd'])
  })

  it('lets somebody who waits go first, also when a place is free in the moment in which another one asks', () => {
    const { gate, admitted, starter } = crowd(1)
    const late = starter('late')
    const first = {
      hasPlace: false,
      admitted: () => {
        admitted.push('first')
        return true
      },
    }
    const second = {
      hasPlace: false,
      // Asks for somebody else while it is being admitted.
      admitted: () => {
        admitted.push('second')
        gate.enter(late)
        return true
      },
    }
    gate.enter(first)
    gate.enter(second)
    gate.leave(first)
    expect(admitted).toEqual(['first', 'second'])
    gate.leave(second)
    expect(admitted).toEqual(['first', 'second', 'late'])
  })

  it('lets those who wait go first when several places become free and one of them asks for another one', () => {
    const { gate, admitted, starter } = crowd(1)
    const [late, last] = ['late', 'last'].map(starter)
    const asking = {
      hasPlace: false,
      admitted: () => {
        admitted.push('asking')
        gate.enter(late!)
        return true
      },
    }
    gate.enter(starter('first'))
    gate.enter(asking)
    gate.enter(last!)
    gate.limit = 3
    expect(admitted).toEqual(['first', 'asking', 'last'])
  })
})
