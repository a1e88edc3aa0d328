import { checkSpecs, faultsError } from './check-specs.ts'
import type { SupervisorCore } from './core.ts'
import type { AnyChildSpec } from './types.ts'

const bonds = ['dependsOn', 'after', 'requires'] as const

/**
 * Refuses a spec that does not fit a running supervisor: a significant child where that has no meaning, siblings that are not
 * there, a supervisor with a wrong input. OTP's check_childspec with the state of the supervisor.
 * @throws EXO_CHILD_SPEC_INVALID with every fault
 */
export function refuseMisfit({ name, input, policies, roster }: SupervisorCore, spec: AnyChildSpec): void {
  const isBound = bonds.some(bond => spec[bond] !== undefined)
  if (!isBound && !spec.significant && spec.resource.kind !== 'supervisor') return
  const { strategy, autoShutdown } = input
  // Of two with one id the first is meant, so that the one whose place this spec takes counts no more.
  const others = isBound ? roster.all : []
  const siblings = others.map(child => ({ ...child.spec, input: undefined }))
  // It stands first, since a cycle is told where the first of its children stands, and every cycle here is one of this spec.
  const place = 'children[0]'
  const faults = checkSpecs({
    ...(strategy && { strategy }),
    ...(autoShutdown && { autoShutdown }),
    policies: policies.table,
    children: [spec, ...siblings],
  })
  // The others were checked when they came; what they needed may have gone since.
  const own = faults.filter(({ path }) => path.startsWith(place))
  const child = `child ${JSON.stringify(spec.id)}`
  if (own.length === 0) return
  throw faultsError(
    own.map(fault => ({ ...fault, path: `${child}${fault.path.slice(place.length)}` })),
    name,
  )
}
