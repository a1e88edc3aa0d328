import { readFileSync } from 'node:fs'

/** The resident bytes of a process, where the system tells: on Linux. Undefined elsewhere, and for a process that is gone. */
export function residentBytes(pid: number): number | undefined {
  try {
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1_024
  } catch {
    return undefined
  }
}
