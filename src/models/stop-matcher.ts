import { ExovisorError } from '../errors.ts'

const maxStops = 16
const maxStopLength = 256

/** Looks for stop texts in a text that comes in pieces. */
export interface StopMatcher {
  /** True while text is held back because it could be the beginning of a stop text. */
  readonly pending: boolean
  /**
   * Takes the next piece and returns what can be shown: never any part of a stop text that is found.
   * `stopped` is true from the piece on that completes one; what comes after that is dropped.
   */
  push(text: string): { readonly text: string; readonly stopped: boolean }
  /** Returns what is held back, at the end. */
  flush(): string
}

/**
 * Makes a matcher whose result does not depend on how the text is cut into pieces: the stop text that is complete
 * first counts, of several that end at the same character the longest.
 *
 * @param stops at most 16 texts of 1 to 256 characters
 * @throws EXO_REQUEST_INVALID naming the stop text and the limit
 */
export function createStopMatcher(stops: readonly string[]): StopMatcher {
  if (stops.length > maxStops) throw invalid(`stop has ${stops.length} texts; expected at most ${maxStops}`)
  for (const [index, stop] of stops.entries()) {
    if (stop.length < 1 || stop.length > maxStopLength) {
      throw invalid(`stop[${index}] has ${stop.length} characters; expected 1 to ${maxStopLength}`)
    }
  }
  let held = ''
  let stopped = false
  return {
    get pending() {
      return held !== ''
    },
    push(piece) {
      if (stopped) return { text: '', stopped }
      const text = held + piece
      const start = firstMatch(text, stops)
      stopped = start !== undefined
      const end = start ?? text.length - heldLength(text, stops)
      held = stopped ? '' : text.slice(end)
      return { text: text.slice(0, end), stopped }
    },
    flush() {
      const rest = held
      held = ''
      return rest
    },
  }
}

/** Where the stop text begins that ends first. */
function firstMatch(text: string, stops: readonly string[]): number | undefined {
  let start: number | undefined
  let end = Number.POSITIVE_INFINITY
  for (const stop of stops) {
    const found = text.indexOf(stop)
    if (found < 0 || found + stop.length > end) continue
    if (found + stop.length < end || found < (start ?? 0)) start = found
    end = found + stop.length
  }
  return start
}

/** The length of the longest end of the text that begins a stop text. */
function heldLength(text: string, stops: readonly string[]): number {
  let longest = 0
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length
    }
  }
  return longest
}

function invalid(message: string): ExovisorError {
  return new ExovisorError('EXO_REQUEST_INVALID', message, { details: { field: 'stop' } })
}
