/** Where a person looks at the moment. */
export interface TopPlace {
  readonly scroll: number
  readonly filter: string
  readonly isTyping: boolean
}

/** A key, as a terminal in raw mode sends it: one character, or a sequence of an arrow or function key. */
const oneKey = /\p{Cc}\[[0-9;]*[A-Za-z~]|\p{Cc}O[A-Z]|[\s\S]/gu

const LONGEST_FILTER = 100

/** How far a key scrolls, in lines, given how many are in sight. */
const scrolls: Readonly<Record<string, (page: number) => number>> = {
  '\u001b[A': () => -1,
  '\u001bOA': () => -1,
  k: () => -1,
  '\u001b[B': () => 1,
  '\u001bOB': () => 1,
  j: () => 1,
  '\u001b[5~': page => -page,
  b: page => -page,
  '\u001b[6~': page => page,
  ' ': page => page,
  '\u001b[H': () => Number.NEGATIVE_INFINITY,
  g: () => Number.NEGATIVE_INFINITY,
  '\u001b[F': () => Number.POSITIVE_INFINITY,
  G: () => Number.POSITIVE_INFINITY,
}

function typed(place: TopPlace, key: string): TopPlace {
  if (key === '\r' || key === '\n') return { ...place, isTyping: false }
  if (key === '\u001b') return { ...place, filter: '', isTyping: false }
  if (key === '\u007f' || key === '\b') return { ...place, filter: [...place.filter].slice(0, -1).join('') }
  const isText = !/^[\p{C}]/u.test(key) && place.filter.length < LONGEST_FILTER
  return isText ? { ...place, filter: place.filter + key, scroll: 0 } : place
}

function pressed(place: TopPlace, key: string, page: number): TopPlace | 'quit' {
  if (key === '\u0003') return 'quit'
  if (place.isTyping) return typed(place, key)
  if (key === 'q' || key === '\u0004') return 'quit'
  if (key === '/') return { ...place, isTyping: true }
  if (key === '\u001b') return { ...place, filter: '' }
  const scroll = Object.hasOwn(scrolls, key) ? scrolls[key] : undefined
  return scroll ? { ...place, scroll: Math.max(0, place.scroll + scroll(Math.max(1, page))) } : place
}

/** Where a person looks after some keys; `quit` ends it. */
export function afterKeys(place: TopPlace, keys: string, page: number): TopPlace | 'quit' {
  let now: TopPlace | 'quit' = place
  for (const [key] of keys.matchAll(oneKey)) {
    now = pressed(now, key, page)
    if (now === 'quit') return 'quit'
  }
  return now
}
