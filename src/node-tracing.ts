import { randomUUID } from 'node:crypto'
import type { Config } from './config/schema.ts'
import { defaultNodeName } from './node-options.ts'
import { startTracing } from './observe/tracing/start-tracing.ts'
import type { Tracing } from './observe/tracing/tracing.ts'
import type { ResourceLog } from './resources/types.ts'
import { version } from './version.ts'

/** The tracing of a node, as its configuration says; the last spans are sent within the time of the phase `flush`. */
export function nodeTracing({ tracing, node, shutdown }: Config, log: ResourceLog): Promise<Tracing> {
  return startTracing({
    endpoint: tracing.endpoint,
    sample: tracing.sample,
    attributes: {
      'service.name': 'exovisor',
      'service.namespace': node.namespace,
      'service.version': version,
      'service.instance.id': randomUUID(),
      'exovisor.node.name': node.name ?? defaultNodeName(),
      'process.pid': process.pid,
    },
    // A little before the phase is over: a collector that is down is no reason to end with an error.
    closeWithin: shutdown.flush * 0.8,
    log,
  })
}
