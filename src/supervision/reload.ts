import { isDeepStrictEqual } from 'node:util'
import { ExovisorError, toErrorRecord } from '../errors.ts'
import { displayNameOf } from '../resources/display-name.ts'
import { aboutResource } from '../resources/log.ts'
import { checkSpecs, faultsError } from './check-specs.ts'
import type { Child } from './child.ts'
import { specFields } from './child-spec.ts'
import type { SupervisorCore } from './core.ts'
import type { PolicyTable } from './policy.ts'
import { isRecord, quote, SpecFaults } from './spec-faults.ts'
import { supervisorFields } from './supervisor-rules.ts'
import type { AnyChildSpec, SupervisorClient, SupervisorInput } from './types.ts'

type Specs = ReadonlyMap<string, AnyChildSpec>
/** Makes what was checked hold, and gives what is to be told and started of it: that must not come before all of it holds. */
type Commit = () => readonly Consequence[]
type Consequence = () => void
/** The client of a supervisor, and what it stands before. */
type AdminWithCore = SupervisorClient & { readonly core: SupervisorCore }

const nothing: Commit = () => []

/** What holds after a reload: what the new input names, over what held before. */
function merged(old: SupervisorInput, input: SupervisorInput): SupervisorInput {
  const given = Object.entries(input).filter(([, value]) => value !== undefined)
  return { ...old, ...Object.fromEntries(given) }
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

/** What a supervisor does that had taken the older table of this one: it takes the new one too, while it runs, or as soon as it does. */
function passOn({ ref, spec, environment }: Child, older: PolicyTable, policies: PolicyTable): Commit {
  if (spec.resource.kind !== 'supervisor') return nothing
  if ((spec.input as SupervisorInput).policies !== older) return nothing
  const client = ref.client as AdminWithCore | undefined
  if (client) return client.core.isStopping ? nothing : planned(client.core, { policies })
  if (ref.state !== 'INITIALIZING') return nothing
  const whenReady = async (): Promise<void> => ((await ref.ready()) as AdminWithCore).reload({ policies })
  const failed = (error: unknown): void =>
    aboutResource(environment, ref).warn(
      { error: toErrorRecord(error) },
      `${ref.label} could not take the new policies over`,
    )
  return () => [() => void whenReady().catch(failed)]
}

function adopt(
  core: SupervisorCore,
  child: Child,
  given: AnyChildSpec | undefined,
  older: PolicyTable,
): readonly Consequence[] {
  const { template } = core.input
  const { id, input } = child.spec
  const inherited = core.isDynamic && template ? { ...template, id, input } : child.spec
  const own = given ?? withoutTable(inherited as AnyChildSpec, older)
  const policy = core.policies.of(own)
  const isNews = given !== undefined || !isDeepStrictEqual(policy, child.policy)
  child.adopt(core.policies.passedTo(own), policy)
  core.dependencies.set(child.spec)
  return isNews ? [() => child.emit({ type: 'reloaded' })] : []
}

function withoutTable(spec: AnyChildSpec, table: PolicyTable): AnyChildSpec {
  if (spec.resource.kind !== 'supervisor') return spec
  const { policies, ...input } = spec.input as SupervisorInput
  return policies === table ? { ...spec, input } : spec
}

/** What it needed may have been temporary, and is not known any more: that is no fault of the reload. */
function withoutGone(spec: AnyChildSpec, isThere: (id: string) => boolean): AnyChildSpec {
  const { dependsOn, after, requires } = spec
  return {
    ...spec,
    ...(dependsOn && { dependsOn: dependsOn.filter(isThere) }),
    ...(after && { after: after.filter(isThere) }),
    ...(requires && { requires: requires.filter(isThere) }),
  }
}

/**
 * Changes a supervisor while it runs; see {@link SupervisorClient.reload}. All or nothing: everything is checked first.
 * The rules are those of `code_change` in OTP's supervisor.erl.
 */
export function reload(core: SupervisorCore, input: SupervisorInput): void {
  const consequences = planned(core, input)()
  // Who hears of it may reload again: the last reload holds as a whole.
  for (const follow of consequences) follow()
}

/** Checks everything, also of the supervisors below that are changed with this one. */
function planned(core: SupervisorCore, input: SupervisorInput): Commit {
  refuseUnreadable(core, input)
  const older = core.policies.table
  const news: Specs = new Map((input.children ?? []).map(spec => [spec.id, spec]))
  const known = core.roster.all
  const isThere = (id: string): boolean => news.has(id) || core.member(id) !== undefined
  const kept = known.map(({ id, spec }) => news.get(id) ?? withoutGone(withoutTable(spec, older), isThere))
  const added = [...news.values()].filter(({ id }) => !core.member(id))
  const next = merged(core.input, input)
  if (core.isDynamic) refuseFaults(core, next)
  else refuseFaults(core, { ...next, children: [...kept, ...added, ...twins(input.children ?? [])] })
  for (const { resource, input: given, id } of added) displayNameOf(resource, given, id)
  const { policies = older } = next
  const below = policies === older ? [] : known.map(child => passOn(child, older, policies))
  return () => {
    core.adopt(next)
    const told = known.flatMap(child => adopt(core, child, news.get(child.id), older))
    for (const spec of added) core.add({ ...spec, start: false })
    return [...told, ...below.flatMap(commit => commit()), () => core.reloaded()]
  }
}

/** What has no fields, or children that have none, cannot be laid over what holds. */
function refuseUnreadable(core: SupervisorCore, input: SupervisorInput): void {
  const faults = new SpecFaults()
  const { children } = isRecord(input) ? faults.fields(input, supervisorFields, '') : {}
  if (!isRecord(input)) faults.add('input', `is ${quote(input)}`, 'an object: what is to change')
  if (children !== undefined && !Array.isArray(children))
    faults.add('children', `is ${quote(children)}`, 'a list of child specs')
  for (const [index, spec] of Array.isArray(children) ? [...children].entries() : [])
    if (isRecord(spec)) faults.fields(spec, specFields, `children[${index}]`)
    else faults.add(`children[${index}]`, `is ${quote(spec)}`, 'a child spec')
  if (faults.list.length > 0) throw faultsError(faults.list, core.name)
}

/** Specs whose id another one has as well: a Map would hide them. */
function twins(specs: readonly AnyChildSpec[]): readonly AnyChildSpec[] {
  const last = new Map(specs.map(spec => [spec.id, spec]))
  return specs.filter(spec => last.get(spec.id) !== spec)
}
