import { isDeepStrictEqual } from 'node:util'
import { ExovisorError } from '../errors.ts'
import { checkSpecs, faultsError } from './check-specs.ts'
import type { Child } from './child.ts'
import type { SupervisorCore } from './core.ts'
import type { PolicyTable } from './policy.ts'
import { isRecord } from './spec-faults.ts'
import type { AnyChildSpec, SupervisorClient, SupervisorInput } from './types.ts'

type Specs = ReadonlyMap<string, AnyChildSpec>

/** What holds after a reload: what the new input names, over what held before. */
function merged(old: SupervisorInput, input: SupervisorInput): SupervisorInput {
  const given = Object.entries(input).filter(([, value]) => value !== undefined)
  return { ...old, ...Object.fromEntries(given) }
}

/** Refuses what has no specs that could be matched with those of the children. */
function refuseRubbish(core: SupervisorCore, input: SupervisorInput): void {
  if (!isRecord(input)) throw faultsError(checkSpecs(input), core.name)
  const { children = [] } = input
  if (Array.isArray(children) && children.every(isRecord)) return
  throw faultsError(checkSpecs(merged(core.input, input)), core.name)
}

function refuseFaults(core: SupervisorCore, next: SupervisorInput): void {
  if ((next.strategy === 'dynamic') !== core.isDynamic)
    throw new ExovisorError(
      'EXO_CHILD_SPEC_INVALID',
      `supervisor ${JSON.stringify(core.name)}: strategy cannot change to or from dynamic while it runs`,
    )
  const faults = checkSpecs(next)
  if (faults.length > 0) throw faultsError(faults, core.name)
}

/** A supervisor that had taken the older table takes the new one too, while it runs. */
function passOn({ ref, spec }: Child, older: PolicyTable, policies: PolicyTable): void {
  if (spec.resource.kind !== 'supervisor') return
  if ((spec.input as SupervisorInput).policies !== older) return
  ;(ref.client as SupervisorClient | undefined)?.reload({ policies })
}

function adopt(
  core: SupervisorCore,
  child: Child,
  given: AnyChildSpec | undefined,
  older: PolicyTable,
): void {
  const { template } = core.input
  const { id, input } = child.spec
  const inherited = core.isDynamic && template ? { ...template, id, input } : child.spec
  const own = given ?? withoutTable(inherited as AnyChildSpec, older)
  const policy = core.policies.of(own)
  const isNews = given !== undefined || !isDeepStrictEqual(policy, child.policy)
  passOn(child, older, core.policies.table)
  child.adopt(core.withPolicies(own), policy)
  core.dependencies.set(child.spec)
  if (isNews) child.emit({ type: 'reloaded' })
}

function withoutTable(spec: AnyChildSpec, table: PolicyTable): AnyChildSpec {
  if (spec.resource.kind !== 'supervisor') return spec
  const { policies, ...input } = spec.input as SupervisorInput
  return policies === table ? { ...spec, input } : spec
}

/**
 * Changes a supervisor while it runs; see {@link SupervisorClient.reload}. All or nothing: everything is checked first.
 * The rules are those of `code_change` in OTP's supervisor.erl.
 */
export function reload(core: SupervisorCore, input: SupervisorInput): void {
  refuseRubbish(core, input)
  const older = core.policies.table
  const news: Specs = new Map((input.children ?? []).map(spec => [spec.id, spec]))
  const known = core.roster.all
  const kept = known.map(({ id, spec }) => news.get(id) ?? withoutTable(spec, older))
  const added = [...news.values()].filter(({ id }) => !core.member(id))
  const next = merged(core.input, input)
  if (core.isDynamic) refuseFaults(core, next)
  else refuseFaults(core, { ...next, children: [...kept, ...added, ...twins(input.children ?? [])] })
  core.adopt(next)
  for (const child of known) adopt(core, child, news.get(child.id), older)
  for (const spec of added) core.add({ ...spec, start: false })
}

/** Specs whose id another one has as well: a Map would hide them. */
function twins(specs: readonly AnyChildSpec[]): readonly AnyChildSpec[] {
  const last = new Map(specs.map(spec => [spec.id, spec]))
  return specs.filter(spec => last.get(spec.id) !== spec)
}
