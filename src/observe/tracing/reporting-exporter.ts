import { type ExportResult, ExportResultCode } from '@opentelemetry/core'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import type { ResourceLog } from '../../resources/log.ts'

/**
 * Says once when spans cannot be sent, and once when they can be again, however often that is tried in between. Spans that were not sent are
 * lost: a collector that is down must cost neither memory nor a flood of lines.
 */
export class ReportingExporter implements SpanExporter {
  readonly #exporter: SpanExporter
  readonly #endpoint: string
  readonly #log: ResourceLog
  #lost = 0

  /** @param endpoint as the log shows it */
  constructor(exporter: SpanExporter, endpoint: string, log: ResourceLog) {
    this.#exporter = exporter
    this.#endpoint = endpoint
    this.#log = log
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans, result => {
      if (result.code === ExportResultCode.SUCCESS) this.#sent()
      else this.#failed(spans.length, result.error)
      // What is to be said of a failure has been said.
      done({ code: ExportResultCode.SUCCESS })
    })
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown()
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.()
  }

  #sent(): void {
    if (this.#lost === 0) return
    const facts = { endpoint: this.#endpoint, lost: this.#lost }
    this.#lost = 0
    this.#log.info(facts, 'spans can be sent again')
  }

  #failed(spans: number, error: Error | undefined): void {
    const isFirst = this.#lost === 0
    this.#lost += spans
    if (!isFirst) return
    const facts = { endpoint: this.#endpoint, reason: error?.message ?? 'unknown' }
    this.#log.warn(facts, 'spans cannot be sent; they are dropped until they can be')
  }
}
