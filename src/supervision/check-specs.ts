import { checkChild, type Surroundings } from './check-child.ts'
import { checkDependencies, type Sibling } from './check-dependencies.ts'
import { type CheckedTable, checkTable } from './check-table.ts'
import { expectedId, isId, specFields } from './child-spec.ts'
import { isRecord, quote, type SpecFault, SpecFaults } from './spec-faults.ts'
import {
  isCount,
  MOST_CHILDREN,
  type SupervisorFields,
  supervisorFields,
  supervisorRules,
} from './supervisor-rules.ts'
import type { SupervisorInput } from './types.ts'

export { faultsError, type SpecFault } from './spec-faults.ts'

const DEEPEST = 64
const noTable: CheckedTable = { table: {}, told: new Set() }

const below = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`)

/** One check of a whole tree of supervisors. */
class SpecCheck {
  readonly faults = new SpecFaults()
  /** The inputs around the one that is being checked. */
  readonly #above = new Set<unknown>()
  /** A table that several supervisors have is checked once. */
  readonly #tables = new Map<unknown, CheckedTable>()
  #specs = 0

  check(input: unknown, path: string, inherited: CheckedTable): void {
    const where = path === '' ? 'input' : path
    if (!isRecord(input)) {
      this.faults.add(where, `is ${quote(input)}`, 'an object: what a supervisor is made of')
    } else if (this.#above.has(input)) {
      this.faults.add(where, 'contains itself', 'supervisors that end somewhere')
    } else if (this.#above.size >= DEEPEST) {
      this.faults.add(where, `lies below ${DEEPEST} supervisors`, `at most ${DEEPEST}`)
    } else {
      this.#above.add(input)
      const fields = this.faults.fields(input, supervisorFields, path)
      this.faults.attempt(where, () => this.#checkInput(fields, path, inherited))
      this.#above.delete(input)
    }
  }

  #checkInput(fields: SupervisorFields, path: string, inherited: CheckedTable): void {
    const { strategy = 'one_for_one', autoShutdown = 'never', policies } = fields
    const { faults } = this
    faults.addBroken(supervisorRules(fields), path)
    const around: Surroundings = {
      faults,
      strategy: typeof strategy === 'string' ? strategy : '',
      autoShutdown,
      table: policies === undefined ? inherited : this.#table(policies, below(path, 'policies')),
      shared: new Map(),
    }
    if (strategy === 'dynamic') this.#checkDynamic(fields, path, around)
    else this.#checkStatic(fields, path, around)
  }

  #table(policies: unknown, path: string): CheckedTable {
    const known = this.#tables.get(policies)
    if (known) return known
    const table = checkTable(this.faults, policies, path)
    this.#tables.set(policies, table)
    return table
  }

  #checkDynamic(
    { template, children, maxChildren }: SupervisorFields,
    path: string,
    around: Surroundings,
  ): void {
    const { faults } = this
    const hasNone = children === undefined || (Array.isArray(children) && children.length === 0)
    if (!hasNone) faults.add(below(path, 'children'), 'is there', 'a template alone for the strategy dynamic')
    const most = `a whole number from 1 to ${MOST_CHILDREN}`
    const hasRoom = maxChildren === undefined || isCount(maxChildren)
    if (!hasRoom) faults.add(below(path, 'maxChildren'), `is ${quote(maxChildren)}`, most)
    const at = below(path, 'template')
    if (!isRecord(template)) {
      faults.add(at, `is ${quote(template)}`, 'exactly one template for the strategy dynamic')
      return
    }
    const fields = faults.fields(template, specFields, at)
    checkChild(fields, at, around)
    checkDependencies(faults, [{ path: at, id: '', fields }], around.strategy)
  }

  #checkStatic(
    { template, children, maxChildren }: SupervisorFields,
    path: string,
    around: Surroundings,
  ): void {
    const { faults } = this
    for (const [key, value] of Object.entries({ template, maxChildren }))
      if (value !== undefined) faults.add(below(path, key), 'is there', 'the strategy dynamic, or none')
    const list = below(path, 'children')
    if (children === undefined) return
    if (!Array.isArray(children)) {
      faults.add(list, `is ${quote(children)}`, 'a list of child specs')
      return
    }
    this.#specs += children.length
    if (this.#specs > MOST_CHILDREN) {
      faults.add(list, `makes more than ${MOST_CHILDREN} children in all`, 'fewer')
      return
    }
    const known = new Map<string, number>()
    const siblings: Sibling[] = []
    for (let index = 0; index < children.length; index += 1) {
      const at = `${list}[${index}]`
      const spec: unknown = faults.attempt(at, () => children[index] ?? null)
      if (isRecord(spec)) siblings.push(this.#checkOne(spec, index, at, known, around))
      else if (spec !== undefined) faults.add(at, `is ${quote(children[index])}`, 'a child spec')
    }
    checkDependencies(faults, siblings, around.strategy)
  }

  #checkOne(
    spec: object,
    index: number,
    path: string,
    known: Map<string, number>,
    around: Surroundings,
  ): Sibling {
    const fields = this.faults.fields(spec, specFields, path)
    const { id, input } = fields
    const twin = isId(id) ? known.get(id) : undefined
    if (!isId(id)) this.faults.add(`${path}.id`, `is ${quote(id)}`, expectedId)
    else if (twin === undefined) known.set(id, index)
    else this.faults.add(`${path}.id`, `is ${quote(id)}, the id of children[${twin}]`, 'another id')
    const kind = checkChild(fields, path, around)
    if (kind === 'supervisor' && input !== undefined) this.check(input, `${path}.input`, around.table)
    return { path, id: isId(id) ? id : '', fields }
  }
}

/**
 * All that is wrong with what a supervisor is made of, its nested supervisors included; empty when nothing is. Starts nothing and throws
 * nothing, whatever the input holds. OTP's check_childspecs, with every fault at once. Unknown fields are tolerated, as in OTP.
 *
 * @example
 * const faults = checkSpecs({ strategy: 'dependency_closure', children })
 * // [{ path: 'children[2].dependsOn[0]', message: 'is "databse", which is no sibling', expected: '...' }]
 */
export function checkSpecs(input: SupervisorInput): readonly SpecFault[] {
  const check = new SpecCheck()
  check.check(input, '', noTable)
  return check.faults.list
}
