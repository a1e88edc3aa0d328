import { describe, expect, it } from 'vitest'
import { filterErrors, splitErrors, TaskGroupError } from '../../src/concurrency/group-errors.ts'
import { toErrorRecord } from '../../src/errors.ts'

const isType = (error: unknown) => error instanceof TypeError
const type = new TypeError('a type')
const range = new RangeError('a range')
const other = new TypeError('another type')

describe('parting the errors of a group', () => {
  it('gives what matches and the rest, each as a group of the same kind, text and place', () => {
    const whole = new TaskGroupError([type, range, other], 'two tasks failed')
    const { matching, rest } = splitErrors(whole, isType)
    expect(matching).toBeInstanceOf(TaskGroupError)
    expect(matching).toMatchObject({ errors: [type, other], message: 'two tasks failed', stack: whole.stack })
    expect(rest).toBeInstanceOf(TaskGroupError)
    expect(rest).toMatchObject({ errors: [range], cause: range })
  })

  it('keeps the shape of groups within groups', () => {
    const inner = new TaskGroupError([range, type], 'inner')
    const { matching, rest } = splitErrors(new TaskGroupError([inner, other], 'outer'), isType)
    expect(matching).toMatchObject({
      message: 'outer',
      errors: [{ message: 'inner', errors: [type] }, other],
    })
    expect(rest).toMatchObject({ message: 'outer', errors: [{ message: 'inner', errors: [range] }] })
  })

  it('leaves a part out that has nothing in it, and gives the group itself as the other', () => {
    const whole = new TaskGroupError([type, new TaskGroupError([other], 'inner')], 'outer')
    expect(splitErrors(whole, isType)).toEqual({ matching: whole, rest: undefined })
    expect(splitErrors(whole, isType).matching).toBe(whole)
    expect(splitErrors(whole, () => false)).toEqual({ matching: undefined, rest: whole })
    expect(splitErrors(whole, () => false).rest).toBe(whole)
  })

  it('does not look into a group that matches itself', () => {
    const inner = new TaskGroupError([range], 'inner')
    const whole = new TaskGroupError([inner, type], 'outer')
    const { matching, rest } = splitErrors(whole, error => error === inner)
    expect(matching).toMatchObject({ errors: [inner] })
    expect(rest).toMatchObject({ errors: [type] })
    expect(splitErrors(whole, error => error === whole)).toEqual({ matching: whole, rest: undefined })
  })

  it('takes an error that is no group as it is', () => {
    expect(splitErrors(type, isType)).toEqual({ matching: type, rest: undefined })
    expect(splitErrors(range, isType)).toEqual({ matching: undefined, rest: range })
  })

  it('parts any AggregateError, and keeps its cause', () => {
    const whole = new AggregateError([type, range], 'any', { cause: 'why' })
    const { matching, rest } = splitErrors(whole, isType)
    expect(matching).not.toBeInstanceOf(TaskGroupError)
    expect(matching).toMatchObject({ errors: [type], message: 'any', cause: 'why' })
    expect(rest).toMatchObject({ errors: [range] })
  })

  it('loses nothing that was thrown, even undefined', () => {
    const whole = new TaskGroupError([undefined, type], 'odd')
    expect(splitErrors(whole, isType).rest).toMatchObject({ errors: [undefined] })
    expect(splitErrors(whole, error => error === undefined).matching).toMatchObject({ errors: [undefined] })
  })

  it('gives only what matches when it is asked for that', () => {
    expect(filterErrors(new TaskGroupError([type, range], 'two'), isType)).toMatchObject({ errors: [type] })
    expect(filterErrors(range, isType)).toBe(undefined)
  })
})

describe('a group of errors as data', () => {
  it('keeps its code', () => {
    const error = new TaskGroupError([new Error('no route')], 'a task of the upload failed')
    expect(toErrorRecord(error)).toMatchObject({
      code: 'EXO_TASKS_FAILED',
      message: 'a task of the upload failed',
    })
  })

  it('has none of the catalogue when it is somebody else', () => {
    const foreign = Object.assign(new AggregateError([], 'all promises were rejected'), { code: 'toString' })
    expect(toErrorRecord(foreign).code).toBe('EXO_INTERNAL')
  })
})
