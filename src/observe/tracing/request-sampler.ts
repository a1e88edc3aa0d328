import type { Attributes, Context, SpanKind } from '@opentelemetry/api'
import {
  AlwaysOnSampler,
  type Sampler,
  type SamplingResult,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'
import { REQUEST_ID } from './attributes.ts'

/** Samples a part of the requests, and all else: restarts and placements are few, and the ones that matter are not known before. */
export class RequestSampler implements Sampler {
  readonly #requests: Sampler
  readonly #others: Sampler = new AlwaysOnSampler()
  readonly #ratio: number

  constructor(ratio: number) {
    this.#ratio = ratio
    this.#requests = new TraceIdRatioBasedSampler(ratio)
  }

  shouldSample(
    context: Context,
    traceId: string,
    name: string,
    kind: SpanKind,
    attributes: Attributes,
  ): SamplingResult {
    const sampler = attributes[REQUEST_ID] === undefined ? this.#others : this.#requests
    return sampler.shouldSample(context, traceId, name, kind, attributes, [])
  }

  toString(): string {
    return `RequestSampler{${this.#ratio}}`
  }
}
