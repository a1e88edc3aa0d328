import { InvalidArgumentError } from 'commander'

/** What a number on the command line may be. */
interface NumberRange {
  readonly min: number
  readonly max: number
  readonly whole?: boolean
}

/** Reads the value of an option; a wrong one is refused with what was expected. */
export function numberOption({ min, max, whole = false }: NumberRange): (text: string) => number {
  return text => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (!(value >= min && value <= max) || (whole && !Number.isInteger(value)))
      throw new InvalidArgumentError(`expected a ${whole ? 'whole ' : ''}number from ${min} to ${max}`)
    return value
  }
}

/** A whole number from `min` to `max`. */
export const wholeOption = (min: number, max: number) => numberOption({ min, max, whole: true })
