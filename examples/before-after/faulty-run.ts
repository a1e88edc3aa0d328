import { setTimeout as sleep } from 'node:timers/promises'
import type { Greeter } from './greeter.ts'
import type { Service } from './service-process.ts'

/** What one client made of the faults. */
export interface FaultyResult {
  readonly succeeded: number
  readonly failed: number
  readonly successRate: number
  readonly callsPerSecond: number
  /** What reached the service, attempts of the same call counted each. */
  readonly callAttempts: number
  readonly connectionAttempts: number
  /** Calls that were under way when the client said that it is closed. */
  readonly callsAfterClose: number
  readonly leaks: Leaks
}

/** What is left of a client a while after it was closed. */
export interface Leaks {
  readonly sockets: number
  readonly timers: number
  readonly others: number
  /** Connections that the service still has. */
  readonly connections: number
}

/** How long a client may take to leave nothing behind, in milliseconds. */
const LEAK_GRACE_MS = 5_000

/** Makes so many calls, by so many callers at a time, and counts those that succeed. */
export async function callAll(client: Greeter, calls: number, callers: number): Promise<number> {
  let begun = 0
  let succeeded = 0
  const caller = async () => {
    while (begun < calls) {
      begun += 1
      const name = `caller ${begun}`
      const answer = await client.greet(name).catch(() => undefined)
      if (answer === `hello, ${name}`) succeeded += 1
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  return succeeded
}

function openHandles(): Omit<Leaks, 'connections'> {
  const kinds = process.getActiveResourcesInfo()
  const sockets = kinds.filter(kind => kind.includes('TCP')).length
  const timers = kinds.filter(kind => kind === 'Timeout' || kind === 'Immediate').length
  return { sockets, timers, others: kinds.length - sockets - timers }
}

/** Waits until as much is open as before, and tells what is not gone in time. */
async function leaksSince(before: Omit<Leaks, 'connections'>, service: Service): Promise<Leaks> {
  const end = performance.now() + LEAK_GRACE_MS
  for (;;) {
    const { open: connections } = await service.report()
    const now = openHandles()
    const leaks = {
      sockets: Math.max(0, now.sockets - before.sockets),
      timers: Math.max(0, now.timers - before.timers),
      others: Math.max(0, now.others - before.others),
      connections,
    }
    if (leakCount(leaks) === 0 || performance.now() > end) return leaks
    await sleep(20)
  }
}

export const leakCount = (leaks: Leaks): number =>
  Object.values(leaks).reduce((sum: number, count: number) => sum + count, 0)

/** Lets one client meet the faults of a seed, and closes it in the middle of some more calls. */
export async function faultyRun(
  open: (endpoint: string) => Promise<Greeter>,
  service: Service,
  { seed, calls, callers }: { readonly seed: number; readonly calls: number; readonly callers: number },
): Promise<FaultyResult> {
  const { proxy } = await service.begin(seed)
  const before = openHandles()
  const client = await open(proxy)
  const start = performance.now()
  const succeeded = await callAll(client, calls, callers)
  const seconds = (performance.now() - start) / 1_000
  const { calls: callAttempts, connections: connectionAttempts } = await service.report()

  let callsAfterClose = 2 * callers
  const ended = () => {
    callsAfterClose -= 1
  }
  const lastCalls = Array.from({ length: callsAfterClose }, () => client.greet('last').then(ended, ended))
  await client.close()
  const result = {
    succeeded,
    failed: calls - succeeded,
    successRate: succeeded / calls,
    callsPerSecond: calls / seconds,
    callAttempts,
    connectionAttempts,
    callsAfterClose,
  }
  await Promise.all(lastCalls)
  return { ...result, leaks: await leaksSince(before, service) }
}
