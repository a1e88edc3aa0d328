import { isExovisorError } from '../errors.ts'
import type { StageHost } from './stage-host.ts'

/** Says at which host a step of a placement failed. */
export class HostFailure extends Error {
  readonly host: StageHost

  constructor(host: StageHost, cause: unknown) {
    super(`node ${host.name} failed`, { cause })
    this.host = host
  }
}

/**
 * What a failed try says of the next one. A stage that could not reach the stage below has done nothing wrong:
 * most often that neighbour's engine has just died and its node is about to notice. So only a host that
 * does not answer itself, or that says it never will, is left out.
 */
export function judge(error: unknown, entry: StageHost): 'exclude' | 'again' | 'hopeless' {
  if (!(error instanceof HostFailure)) return 'again'
  const { cause, host } = error
  if (!isExovisorError(cause) || cause.code === 'EXO_EPOCH_STALE') return 'again'
  if (host.id === entry.id) return cause.retryable ? 'again' : 'hopeless'
  if (!cause.retryable) return 'exclude'
  return cause.code === 'EXO_STREAM_CLOSED' || cause.code === 'EXO_ENGINE_DIED' ? 'again' : 'exclude'
}

/** @throws HostFailure if the step fails */
export async function onHost<Value>(host: StageHost, step: Promise<Value>): Promise<Value> {
  try {
    return await step
  } catch (error) {
    throw new HostFailure(host, error)
  }
}
