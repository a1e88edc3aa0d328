import { ExovisorError } from '../errors.ts'
import type { SupervisorInput } from './types.ts'

export function checkSpecs(_input: SupervisorInput): readonly string[] {
  return []
}
export function faultsError(faults: readonly string[], supervisor: string): ExovisorError {
  return new ExovisorError('EXO_CHILD_SPEC_INVALID', `${supervisor}: ${faults.join()}`)
}
