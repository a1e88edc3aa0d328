import { distance } from 'fastest-levenshtein'

const plain = (word: string): string => word.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

/**
 * The candidate that somebody most likely meant: the one with the smallest edit distance, where case and punctuation
 * do not count, as long as no more than two characters or two fifths of the word differ.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const wanted = plain(word).slice(0, 256)
  let best: string | undefined
  let least = Math.max(2, Math.floor(wanted.length * 0.4)) + 1
  for (const candidate of candidates) {
    const edits = distance(wanted, plain(candidate))
    if (edits < least && edits < Math.max(wanted.length, plain(candidate).length)) {
      best = candidate
      least = edits
    }
  }
  return best
}
