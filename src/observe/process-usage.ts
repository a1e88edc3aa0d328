import { readdirSync, readFileSync } from 'node:fs'

/** What a process takes up. What the system does not tell is left out. */
export interface ProcessUsage {
  /** Resident bytes. */
  readonly memory?: number
  /** Open file descriptors: files, sockets, pipes and the like. */
  readonly handles?: number
}

/** The resident bytes of a process, where the system tells: on Linux. Undefined elsewhere, and for a process that is gone. */
export function residentBytes(pid: number): number | undefined {
  return told(() => {
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1_024
  })
}

/** All that is known of a process: what {@link residentBytes} says, and what it holds open, on Linux too. */
export function processUsage(pid: number): ProcessUsage {
  const memory = residentBytes(pid)
  const handles = told(() => readdirSync(`/proc/${pid}/fd`).length)
  return { ...(memory !== undefined && { memory }), ...(handles !== undefined && { handles }) }
}

function told(ask: () => number | undefined): number | undefined {
  try {
    return ask()
  } catch {
    return undefined
  }
}
