import { ExovisorError } from '../errors.ts'

/**
 * The value, if it is a whole number from `least`.
 *
 * @param what names it in messages, e.g. `the capacity of a channel`
 * @throws EXO_OPTION_INVALID
 */
export function wholeNumber(what: string, value: number, least = 0): number {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new ExovisorError('EXO_OPTION_INVALID', `${what} is ${value}, expected a whole number from ${least}`)
}

/**
 * The value, if it is a whole number from `least`, or infinite.
 *
 * @param what names it in messages, e.g. `the capacity of a channel`
 * @throws EXO_OPTION_INVALID
 */
export function wholeOrInfinite(what: string, value: number, least = 0): number {
  return value === Number.POSITIVE_INFINITY ? value : wholeNumber(what, value, least)
}
