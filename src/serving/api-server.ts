import { server } from '../../machines/server.ts'
import { ExovisorError } from '../errors.ts'
import { defineResource } from '../resources/define.ts'
import { type ApiListenOptions, defaultApiPort, type RunningApi, startApi } from './start-api.ts'

/** What the resource needs; clock, log and name come from the runtime. */
export type ApiServerInput = Omit<ApiListenOptions, 'clock' | 'log' | 'name' | 'onActivity'>

/** The HTTP API as a resource: READY once it listens; closing drains. */
export const apiServer = defineResource<ApiServerInput, RunningApi>({
  kind: 'server',
  machine: server,
  initialize: ({ input, log, self, clock }) =>
    startApi({
      ...input,
      clock,
      log,
      name: `the HTTP API "${self.name}"`,
      onActivity: event => self.send(event),
    }),
  async checkHealth(api) {
    if (!api.listening)
      throw new ExovisorError('EXO_HEALTH_CHECK_FAILED', `${api.url} does not listen any more`)
  },
  async cleanup(api, { signal }) {
    await api?.close({ signal })
  },
  displayName: ({ host, port }) => `HTTP API on ${host ?? '127.0.0.1'}:${port ?? defaultApiPort}`,
})
