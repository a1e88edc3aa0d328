import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Command, Report } from './service.ts'

/** The service, in a process of its own, so that the time of the clients is theirs alone. */
export interface Service {
  /** Forgets what was counted, and plays the faults of this seed, or none; each call is worked at for so long. */
  begin(seed?: number, workMs?: number): Promise<Report>
  report(): Promise<Report>
  stop(): void
}

export async function startService(): Promise<Service> {
  const child = fork(new URL('./service.ts', import.meta.url), { execArgv: ['--conditions=source'] })
  const ask = async (command: Command) => {
    const answered = once(child, 'message')
    child.send(command)
    const [report] = await answered
    return report as Report
  }
  return {
    begin: (seed, workMs) => ask({ begin: true, seed, workMs }),
    report: () => ask({ begin: false, seed: undefined }),
    stop: () => child.disconnect(),
  }
}
