/**
 * Names and messages may quote files and peers. What a terminal would obey is written as `\\u001b` here, so that no quoted text
 * can move the cursor or set the title; line ends stay.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, character =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
