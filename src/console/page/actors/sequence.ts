import type { TraceLine } from '../../../observe/view/messages.ts'

/** One arrow of a sequence diagram: the numbers are those of its lanes. */
export interface Arrow<Line> {
  readonly line: Line
  readonly from: number
  readonly to: number
}

/** Where messages come from that no known actor sent. */
const OUTSIDE = 'outside'

const answers = new Set(['answered', 'late_answer'])

/** Lanes and arrows for traced messages: a lane for each chosen actor, and one for everything else if it is needed. */
export function arrowsOf<Line extends TraceLine & { readonly path: string }>(
  lines: readonly Line[],
  chosen: readonly string[],
): { readonly lanes: readonly string[]; readonly arrows: readonly Arrow<Line>[] } {
  const messages = lines.filter(line => chosen.includes(line.path)).sort((a, b) => a.time - b.time)
  const isKnown = (path: string | undefined): path is string => path !== undefined && chosen.includes(path)
  const needsOutside = messages.some(line => !isSelf(line) && !isKnown(line.from))
  const lanes = [...(needsOutside ? [OUTSIDE] : []), ...chosen]
  const arrows = messages.map(line => {
    const own = lanes.indexOf(line.path)
    if (isSelf(line)) return { line, from: own, to: own }
    const other = isKnown(line.from) ? lanes.indexOf(line.from) : 0
    return answers.has(line.type) ? { line, from: own, to: other } : { line, from: other, to: own }
  })
  return { lanes, arrows }
}

/** What an actor does by itself: a change of its state, or the end of its work on a message. */
function isSelf({ type }: TraceLine): boolean {
  return type === 'state' || type === 'handled' || type === 'failed'
}
