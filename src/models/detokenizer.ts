import type { ModelTokenizer } from './tokenizer.ts'

/** What a decoder puts in place of bytes that are no character, or not yet. */
const replacement = '\u{fffd}'
/** Tokens that a shortened window keeps at least, and the number above which it is shortened. */
const keptTokens = 3
const firstLimit = 24
/** How much of the prompt the first window takes in. */
const promptTokens = 64

/** Turns generated ids into text as they come. */
export interface Detokenizer {
  /** True while the last character is incomplete and held back. */
  readonly pending: boolean
  /** Takes the next id and returns the text that is complete now; '' while a character is incomplete. */
  push(id: number): string
  /** Returns what is held back, at the end: U+FFFD for an incomplete character, else ''. */
  flush(): string
}

/**
 * Makes a detokeniser that goes on after a prompt: what it gives in all is `decode(prompt + ids)` without
 * `decode(prompt)`, so a space that only the beginning of a text loses is kept.
 *
 * It decodes a window of the last tokens, not the whole, so a token costs the same however long the text is.
 */
export function createDetokenizer(tokenizer: ModelTokenizer, promptIds: readonly number[]): Detokenizer {
  let window = lastText(tokenizer, promptIds)
  let text = tokenizer.decode(window)
  /** How much of `text` was given, the prompt counted as given. */
  let given = text.length
  /** True while the last character given is one that the prompt left incomplete. */
  let open = text.endsWith(replacement)
  let limit = firstLimit

  function shorten(): void {
    const kept = shortened(tokenizer, window)
    if (kept !== undefined) {
      given += kept.text.length - text.length
      window = kept.ids
      text = kept.text
    }
    limit = Math.max(firstLimit, 2 * window.length)
  }

  return {
    get pending() {
      return given < text.length
    },
    push(id) {
      if (!tokenizer.isText(id)) return ''
      window.push(id)
      text = tokenizer.decode(window)
      const complete = text.endsWith(replacement) ? text.length - 1 : text.length
      if (open && complete >= given) {
        open = false
        if (text[given - 1] !== replacement) given--
      }
      const fresh = text.slice(given, complete)
      given = Math.max(given, complete)
      if (window.length > limit) shorten()
      return fresh
    },
    flush() {
      const rest = text.slice(given)
      given = text.length
      return rest
    },
  }
}

function lastText(tokenizer: ModelTokenizer, ids: readonly number[]): number[] {
  const last: number[] = []
  for (let i = ids.length - 1; i >= 0 && last.length < promptTokens; i--) {
    const id = ids[i]
    if (id !== undefined && tokenizer.isText(id)) last.push(id)
  }
  return last.reverse()
}

/**
 * Cuts the beginning of a window off, so that whatever follows decodes the same. What is left may differ at its own
 * beginning, where a space or a part of a character got lost, but not at its end: an incomplete character there has
 * at most three bytes, so one that began before the cut would leave two broken bytes, and no more than two characters.
 */
function shortened(
  tokenizer: ModelTokenizer,
  window: readonly number[],
): { ids: number[]; text: string } | undefined {
  for (let start = window.length - keptTokens; start > 0; start--) {
    const ids = window.slice(start)
    const text = tokenizer.decode(ids)
    if (text.length > 2) return { ids, text }
  }
  return undefined
}
