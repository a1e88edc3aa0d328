import type { ConfigFault } from '../../src/config/faults.ts'
import { type ConfigSources, parseConfig } from '../../src/config/parse.ts'
import { isExovisorError } from '../../src/errors.ts'

/** The faults that a configuration is refused for; none when it is accepted. */
export function faultsOf(sources: ConfigSources | string): readonly ConfigFault[] {
  try {
    parseConfig(typeof sources === 'string' ? { text: sources } : sources)
    return []
  } catch (error) {
    if (!isExovisorError(error, 'EXO_CONFIG_INVALID')) throw error
    return error.details['faults'] as readonly ConfigFault[]
  }
}
