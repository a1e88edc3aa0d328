import { z } from 'zod'

/** The longest duration in milliseconds: 24 days, the last whole day that a timer of Node.js can hold. */
export const longestDuration = 2_073_600_000

const unitInMilliseconds = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const
type Unit = keyof typeof unitInMilliseconds

const durationPattern = /^(\d{1,10}(?:\.\d{1,3})?)(ms|s|m|h)$/

/**
 * Reads `200ms`, `10s`, `5m`, `1h` or `1.5s` as milliseconds.
 * @returns whole milliseconds, or undefined when the text is no duration or has a part of a millisecond
 */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = durationPattern.exec(text) ?? []
  if (amount === undefined || unit === undefined) return undefined
  // Rounded at 1e-6 ms first, because 1.001 * 1000 is not whole in binary.
  const milliseconds = Math.round(Number(amount) * unitInMilliseconds[unit as Unit] * 1e6) / 1e6
  return Number.isInteger(milliseconds) ? milliseconds : undefined
}

/** Writes milliseconds in the largest unit that leaves a whole number: 90000 is `90s`, 60000 is `1m`. */
export function formatDuration(milliseconds: number): string {
  const units: readonly Unit[] = ['h', 'm', 's']
  const unit = units.find(candidate => milliseconds > 0 && milliseconds % unitInMilliseconds[candidate] === 0)
  return unit === undefined ? `${milliseconds}ms` : `${milliseconds / unitInMilliseconds[unit]}${unit}`
}

/**
 * A duration of the configuration: a text like `10s`, or a whole number of milliseconds. It parses to milliseconds.
 * @param least the shortest that is accepted, in milliseconds
 * @param most the longest that is accepted, in milliseconds
 */
export function durationBetween(least: number, most: number = longestDuration) {
  return z
    .union([z.string().regex(durationPattern), z.int().min(least).max(most)])
    .transform((value, context) => {
      const milliseconds = typeof value === 'number' ? value : parseDuration(value)
      if (milliseconds !== undefined && milliseconds >= least && milliseconds <= most) return milliseconds
      context.addIssue({ code: 'custom', message: 'not a duration within the bounds' })
      return z.NEVER
    })
    .meta({ title: 'duration', examples: ['200ms', '10s', '5m', '1h'] })
}

/** A duration that may be 0. */
export const duration = durationBetween(0)

/** How many of the last health checks must fail. */
export interface ProbeRatio {
  /** So many failures ... */
  readonly failures: number
  /** ... among so many of the last checks. */
  readonly of: number
}

/** The most health checks that are remembered. */
export const longestProbeWindow = 100

const probeRatioPattern = /^(\d{1,3}) of (\d{1,3})$/

/** Reads `3 of 5`; undefined unless 1 <= failures <= of <= {@link longestProbeWindow}. */
export function parseProbeRatio(text: string): ProbeRatio | undefined {
  const [, failures, of] = (probeRatioPattern.exec(text) ?? []).map(Number)
  if (failures === undefined || of === undefined) return undefined
  return failures >= 1 && failures <= of && of <= longestProbeWindow ? { failures, of } : undefined
}

/** A ratio of the configuration, `3 of 5`. It parses to a {@link ProbeRatio}. */
export const probeRatio = z
  .string()
  .regex(probeRatioPattern)
  .transform((value, context): ProbeRatio => {
    const ratio = parseProbeRatio(value)
    if (ratio !== undefined) return ratio
    context.addIssue({ code: 'custom', message: 'not a ratio within the bounds' })
    return z.NEVER
  })
  .meta({ title: 'ratio', examples: ['3 of 5'] })
