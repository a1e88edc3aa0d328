import { lifecycle } from '../../../machines/lifecycle.ts'
import { defineResource } from '../define.ts'
import { OwnedProcess, type ProcessClient, type ProcessInput } from './owned-process.ts'

/**
 * A child process as a resource. Its end is noticed at once: with code 0 it is the normal end, after which a transient one is not restarted,
 * else a failure. One that lives and does nothing, because it was stopped or hangs in a loop, shows by pings that it does not answer:
 * DEGRADED by the policy's `degraded.after`, then restarted after `degraded.grace`.
 *
 * Closing it is SIGTERM, then SIGKILL when its `shutdown` time is over; SIGKILL at once when it left a ping without an answer.
 * What it has started itself is its own business.
 */
export const processResource = defineResource<ProcessInput, ProcessClient>({
  kind: 'process',
  machine: lifecycle,
  displayName: ({ command = 'node', args = [] }) => [command, ...args].join(' '),

  async initialize({ input, signal, log, self }) {
    const owned = new OwnedProcess(input)
    owned.listen(input, log, error => (error ? self.fail(error) : self.end('it has ended with code 0')))
    try {
      await owned.isWell(signal)
      return owned
    } catch (error) {
      await owned.end(AbortSignal.abort())
      throw error
    }
  },

  async checkHealth(client, { signal }) {
    await (client as OwnedProcess).isWell(signal)
  },

  async cleanup(client, { signal }) {
    await (client as OwnedProcess | undefined)?.end(signal)
  },
})
