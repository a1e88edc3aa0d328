/**
 * Makes a function that takes the control tokens out of a text by a user, so that nobody can end his own turn of a
 * chat and speak as the system. Each one gets a space after its first character, which people and models still read
 * as what was meant; one of a single character is left out.
 */
export function controlTokenGuard(contents: readonly string[]): (text: string) => string {
  // Longest first, as the tokenizer looks for them: else a token that begins another would hide it.
  const ordered = [...new Set(contents)].filter(content => content !== '').sort((a, b) => b.length - a.length)
  if (ordered.length === 0) return text => text
  const any = new RegExp(ordered.map(escaped).join('|'), 'gu')
  return text => {
    let guarded = text
    // What is left of one token can make another with what stood around it. Each round makes the text longer by
    // spaces that are no part of a token, or shorter, so this ends; a token that holds spaces is left out at last.
    for (let round = 0; any.test(guarded); round++) {
      any.lastIndex = 0
      guarded = guarded.replace(any, token => (round < 4 ? parted(token) : ''))
    }
    return guarded
  }
}

function parted(token: string): string {
  const [first = '', ...rest] = token
  return rest.length === 0 ? '' : `${first} ${rest.join('')}`
}

const escaped = (content: string): string => content.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
