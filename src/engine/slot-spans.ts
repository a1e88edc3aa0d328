/** Neighbouring slots that are computed in one run. */
export interface SlotSpan {
  readonly first: number
  /** For each slot of the span: its index in the batch, or -1 for one that is only there to close a gap. */
  readonly members: readonly number[]
}

/** Wider gaps than this are not closed: a row too many costs less than one more run, many rows do not. */
const WIDEST_GAP = 3

/**
 * Groups the slots of a batch into runs of neighbours, which is all that the attention kernel takes. A small gap is
 * closed by computing a throw-away row for the slots in it, where `canFill` allows it.
 *
 * @throws RangeError when a slot is there twice
 */
export function spansOf(slots: readonly number[], canFill: (slot: number) => boolean): SlotSpan[] {
  const order = slots.map((slot, index) => ({ slot, index })).sort((one, other) => one.slot - other.slot)
  const spans: { first: number; members: number[] }[] = []
  for (const { slot, index } of order) {
    const span = spans.at(-1)
    const next = span ? span.first + span.members.length : slot
    if (slot < next) throw new RangeError(`slot ${slot} is in the batch twice`)
    const gap = Array.from({ length: Math.min(slot - next, WIDEST_GAP + 1) }, (_, i) => next + i)
    if (span && gap.length <= WIDEST_GAP && gap.every(canFill)) span.members.push(...gap.map(() => -1), index)
    else spans.push({ first: slot, members: [index] })
  }
  return spans
}
