import { closest, distance } from 'fastest-levenshtein'
import type { z } from 'zod'
import { requestInvalid } from './error-answers.ts'

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

interface BodyFault {
  readonly param: string
  readonly message: string
}

const shownAtMost = 60
const reportedAtMost = 4

function pathText(path: Path): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return text === '' ? String(key) : `${text}.${String(key)}`
  }, '')
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing'
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = JSON.stringify(value)
  return text.length > shownAtMost ? `${text.slice(0, shownAtMost)}…` : text
}

// A union fails once for each of its branches. The branch that got furthest is the one the caller meant.
function deepest(issue: Issue): { issue: Issue; prefix: Path } {
  if (issue.code !== 'invalid_union') return { issue, prefix: [] }
  const inner = issue.errors.flat().sort((a, b) => b.path.length - a.path.length)[0]
  if (inner === undefined || inner.path.length === 0) return { issue, prefix: [] }
  const found = deepest(inner)
  return { issue: found.issue, prefix: [...issue.path, ...found.prefix] }
}

function unknownField(key: string, known: readonly string[]): string {
  const near = known.length > 0 ? closest(key, known) : ''
  const hint = near !== '' && distance(key, near) <= 2 ? `; did you mean "${near}"?` : ''
  return `unknown field ${shown(key)}${hint}`
}

function describe(outer: Issue, known: readonly string[]): BodyFault[] {
  const { issue, prefix } = deepest(outer)
  const path = [...prefix, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => ({
      param: pathText([...path, key]).slice(0, 128),
      message: unknownField(key, path.length === 0 ? known : []),
    }))
  }
  const param = pathText(path)
  const subject = param === '' ? 'the request body' : param
  return [{ param, message: `${subject} is ${shown(issue.input)}: ${issue.message}` }]
}

/**
 * Checks the body of a request.
 * @throws EXO_REQUEST_INVALID that names the field, its value and what was expected
 */
export function parseBody<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  body: unknown,
): z.output<z.ZodObject<Shape>> {
  const result = schema.safeParse(body, { reportInput: true })
  if (result.success) return result.data
  const known = Object.keys(schema.shape)
  const faults = result.error.issues.flatMap(issue => describe(issue, known))
  const more = faults.length > reportedAtMost ? [`and ${faults.length - reportedAtMost} more`] : []
  const messages = [...faults.slice(0, reportedAtMost).map(it => it.message), ...more]
  throw requestInvalid(faults[0]?.param ?? '', messages.join('; '))
}
