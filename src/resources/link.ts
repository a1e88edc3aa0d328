import { ExovisorError } from '../errors.ts'
import type { Down } from './monitor.ts'
import type { ResourceRef } from './types.ts'

/** A ref whose types do not matter. */
type Linkable = Pick<ResourceRef<unknown>, 'kind' | 'name' | 'incarnation' | 'fail' | 'monitor'>

const label = ({ kind, name }: Pick<Down, 'kind' | 'name'>): string => `${kind} ${JSON.stringify(name)}`

function linkedError(linked: Linkable, down: Down): ExovisorError {
  const why = down.error ? `: ${down.error.message}` : ''
  return new ExovisorError(
    'EXO_RESOURCE_FAILED',
    `${label(linked)} is linked to ${label(down)}, which ${down.reason === 'failed' ? 'failed' : `ended (${down.reason})`}${why}`,
    { cause: down.error, details: { linkedTo: down.name, incarnation: down.incarnation } },
  )
}

/**
 * Lets two resources share their fate, as a link of OTP does: when one of them ends in another way than the normal one, the other one
 * fails, with an error whose cause is the first one's. What a failed resource does next is its own supervisor's business.
 *
 * A link binds the two incarnations that are there when it is made (the first ones, when there are none yet), and is gone with the end of either:
 * who wants successors to be linked links them again. When one of them has failed already, the other one fails in the next turn.
 *
 * @returns takes the link back
 */
export function link(one: Linkable, other: Linkable): () => void {
  if (one === other) return () => undefined
  const watch = (watched: Linkable, bound: Linkable): (() => void) => {
    const { incarnation } = bound
    const isBound = (): boolean => incarnation === 0 || bound.incarnation === incarnation
    return watched.monitor(
      down => {
        unlink()
        // A successor was never linked.
        if (down.reason !== 'normal' && isBound()) bound.fail(linkedError(bound, down))
      },
      { of: 'incarnation' },
    )
  }
  const cuts = [watch(one, other), watch(other, one)]
  const unlink = (): void => {
    for (const cut of cuts) cut()
  }
  return unlink
}
