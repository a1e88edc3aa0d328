import type { ResourceLog } from '../../resources/log.ts'
import { noTracing, type Tracing } from './tracing.ts'

/** Where spans go, and how many. */
export interface TracingOptions {
  /** An address that takes OTLP over HTTP; one without a path gets `/v1/traces`. Without it no spans are made. */
  readonly endpoint: string | undefined
  /** The part of the requests that is traced, from 0 to 1. What is no request, such as a restart, always is. */
  readonly sample: number
  /** What is said of the sender, by OpenTelemetry's names for resources. */
  readonly attributes: Readonly<Record<string, string | number>>
  /** How many milliseconds sending the last spans may take at the end. */
  readonly closeWithin: number
  readonly log: ResourceLog
}

/** Makes the tracing of a node. The SDK of OpenTelemetry is loaded only when there is an endpoint: it costs a tenth of a second. */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  const { endpoint } = options
  if (endpoint === undefined) return noTracing
  const { sdkTracing } = await import('./sdk.ts')
  return sdkTracing({ ...options, endpoint })
}
