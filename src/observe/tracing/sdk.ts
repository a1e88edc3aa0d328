import { defaultTextMapGetter, ROOT_CONTEXT } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, ParentBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace'
import { realClock } from '../../concurrency/clock.ts'
import { waitFor } from '../../concurrency/wait-for.ts'
import { version } from '../../version.ts'
import { ReportingExporter } from './reporting-exporter.ts'
import { RequestSampler } from './request-sampler.ts'
import type { TracingOptions } from './start-tracing.ts'
import type { Tracing } from './tracing.ts'

/** One try to send, and those that follow it. */
const SEND_TIMEOUT_MS = 5_000
/** Spans that wait to be sent; what comes beyond that is dropped. */
const MOST_WAITING = 2_048
const MOST_AT_A_TIME = 512
const LONGEST_VALUE = 1_000

/** Tracing by the SDK of OpenTelemetry. Nothing is registered globally, so that two nodes in one process do not mix. */
export function sdkTracing(options: TracingOptions & { readonly endpoint: string }): Tracing {
  const { endpoint, sample, attributes, log, closeWithin } = options
  const url = tracesUrl(endpoint)
  const exporter = new ReportingExporter(
    new OTLPTraceExporter({ url: url.href, timeoutMillis: SEND_TIMEOUT_MS }),
    // Without what may be a secret: user, password and query.
    `${url.origin}${url.pathname}`,
    log,
  )
  const provider = new TracerProvider({
    resource: resourceFromAttributes(attributes),
    sampler: new ParentBasedSampler({ root: new RequestSampler(sample) }),
    spanLimits: { attributeValueLengthLimit: LONGEST_VALUE },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: MOST_WAITING,
        maxExportBatchSize: MOST_AT_A_TIME,
      }),
    ],
  })
  const propagator = new W3CTraceContextPropagator()
  return {
    tracer: provider.getTracer('exovisor', version),
    contextOf: headers => propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter),
    // A collector that does not answer must not hold up the end of the node.
    close: () =>
      waitFor(provider.shutdown(), realClock, 'the last spans', { timeout: closeWithin }).catch(
        () => undefined,
      ),
  }
}

function tracesUrl(endpoint: string): URL {
  const url = new URL(endpoint)
  if (url.pathname === '/') url.pathname = '/v1/traces'
  return url
}
