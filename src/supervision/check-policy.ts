import { ExovisorError } from '../errors.ts'
import { longestBackoff } from './backoff.ts'
import type { Policy } from './policy.ts'
import { groupRules, policyRules, type Rule } from './policy-rules.ts'
import { quote } from './spec-faults.ts'

/** One thing that is wrong with a policy. */
export interface PolicyFault {
  /** The field, e.g. `backoff.max`. */
  readonly path: string
  readonly message: string
  readonly expected: string
}

/** A limit that its own backoff keeps from ever being reached would restart for ever without anybody noticing. */
function unreachable({ backoff, intensity }: Policy): PolicyFault | undefined {
  const { restarts, within: period } = intensity
  const longest = longestBackoff(backoff, restarts)
  if (longest < period) return undefined
  return {
    path: 'intensity.within',
    message: `${restarts} restarts can take ${longest} ms of backoff, so the limit of ${restarts} restarts within ${period} ms may never be reached`,
    expected: `more than ${longest} ms, or fewer restarts, or a shorter backoff`,
  }
}

const broken = (all: readonly Rule[]): readonly PolicyFault[] =>
  all
    .filter(([, , holds]) => !holds)
    .map(([path, value, , expected]) => ({
      path,
      message: `is ${quote(value)}`,
      expected,
    }))

/** What is wrong with single values of a policy. */
export function policyValueFaults(policy: Policy): readonly PolicyFault[] {
  const groups = broken(groupRules(policy))
  return groups.length > 0 ? groups : broken(policyRules(policy))
}

/** All that is wrong with a policy, best first to mend first; empty when nothing is. */
export function policyFaults(policy: Policy): readonly PolicyFault[] {
  const faults = policyValueFaults(policy)
  if (faults.length > 0) return faults
  const fault = unreachable(policy)
  return fault ? [fault] : []
}

/**
 * Refuses a policy with wrong values, and one whose backoff makes its own intensity limit unreachable.
 *
 * @param where names the policy in the message
 * @throws EXO_CHILD_SPEC_INVALID that lists every fault, also as `details.faults`
 */
export function checkPolicy(policy: Policy, where: string): void {
  const faults = policyFaults(policy)
  if (faults.length === 0) return
  const lines = faults.map(({ path, message, expected }) => `${path}: ${message}; expected ${expected}`)
  throw new ExovisorError('EXO_CHILD_SPEC_INVALID', `${where}: ${lines.join('. ')}`, { details: { faults } })
}
