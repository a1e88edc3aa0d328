import { ExportResultCode } from '@opentelemetry/core'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import { describe, expect, it } from 'vitest'
import { ReportingExporter } from '../../../src/observe/tracing/reporting-exporter.ts'
import { silentLog } from '../../../src/resources/log.ts'

describe('the exporter that reports', () => {
  it('says once that a collector is down and once that it is back, and how many spans were lost', () => {
    let error: Error | undefined
    const collector: SpanExporter = {
      export: (_, done) =>
        done(error ? { code: ExportResultCode.FAILED, error } : { code: ExportResultCode.SUCCESS }),
      shutdown: () => Promise.resolve(),
    }
    const lines: object[] = []
    const note = (level: string) => (facts: object, message: string) =>
      void lines.push({ level, message, ...facts })
    const log = { ...silentLog, info: note('info'), warn: note('warn') }
    const exporter = new ReportingExporter(collector, 'http://collector/v1/traces', log)
    const codes: number[] = []
    const send = (count: number) =>
      exporter.export(
        Array.from({ length: count }, () => ({}) as ReadableSpan),
        ({ code }) => codes.push(code),
      )
    send(1)
    error = new Error('refused')
    for (let batch = 0; batch < 100; batch += 1) send(3)
    error = undefined
    send(1)
    send(1)
    expect(lines).toEqual([
      {
        level: 'warn',
        message: 'spans cannot be sent; they are dropped until they can be',
        endpoint: 'http://collector/v1/traces',
        reason: 'refused',
      },
      {
        level: 'info',
        message: 'spans can be sent again',
        endpoint: 'http://collector/v1/traces',
        lost: 300,
      },
    ])
    // Or the SDK would report each of them once more.
    expect(new Set(codes)).toEqual(new Set([ExportResultCode.SUCCESS]))
  })
})
