import { closest } from 'fastest-levenshtein'
import { ExovisorError } from '../../errors.ts'
import type { Registry } from '../../resources/registry.ts'
import { pathOf } from '../../resources/registry-path.ts'

const MOST_NAMED = 10

/**
 * The path of the resource that somebody means: by its path, or by its name if no other one has it.
 * @throws EXO_CHILD_UNKNOWN naming the nearest one, all that have the name, or the kind that it is of
 */
export function findResource(registry: Registry, name: string, kind?: string): string {
  const all = registry.sources().map(({ parent, id, kind }) => ({ path: pathOf(parent, id), id, kind }))
  const meant = all.filter(({ path }) => path === name)
  if (meant.length === 0) meant.push(...all.filter(({ id }) => id === name))
  const found = meant.filter(each => kind === undefined || each.kind === kind)
  if (found.length === 1 && found[0]) return found[0].path
  const shown = JSON.stringify(name)
  if (found.length > 1) {
    const paths = found.slice(0, MOST_NAMED).map(({ path }) => path)
    const more = found.length > MOST_NAMED ? ` and ${found.length - MOST_NAMED} more` : ''
    throw unknown(
      name,
      `${found.length} resources are called ${shown}, expected one path of ${paths.join(', ')}${more}`,
    )
  }
  const [other] = meant
  if (other)
    throw unknown(
      name,
      `the resource ${shown} is of kind ${other.kind}, expected kind ${JSON.stringify(kind)}`,
    )
  const near = closest(name, name.includes('/') ? all.map(({ path }) => path) : all.map(({ id }) => id))
  throw unknown(name, `there is no resource ${shown}, did you mean ${JSON.stringify(near)}?`)
}

const unknown = (name: string, message: string): ExovisorError =>
  new ExovisorError('EXO_CHILD_UNKNOWN', message, { details: { name } })
