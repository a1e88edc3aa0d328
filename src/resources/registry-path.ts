import type { LifecycleState } from '../../machines/lifecycle.ts'

/**
 * The path of a child: its supervisor's, a slash, and its id. A slash or a percent sign in an id is written as in a URL, so that
 * no two resources have the same path.
 */
export function pathOf(parent: string, id: string): string {
  const segment = id.replaceAll('%', '%25').replaceAll('/', '%2F')
  return parent === '' ? segment : `${parent}/${segment}`
}

/** The other way: parent and id. What is no path of ours names nothing. */
export function splitPath(path: string): { readonly parent: string; readonly id: string } {
  const end = path.lastIndexOf('/')
  const segment = path.slice(end + 1)
  const id = segment.replaceAll('%2F', '/').replaceAll('%25', '%')
  return { parent: end < 0 ? '' : path.slice(0, end), id }
}

/** Whether a resource in that state is offered for routing: a DEGRADED one answers what it can, but gets no new work. */
export function isRoutable({
  state,
  suspended,
}: {
  readonly state: LifecycleState
  readonly suspended: boolean
}): boolean {
  return state === 'READY' && !suspended
}
