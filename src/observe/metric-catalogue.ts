/** One documented metric. */
export interface MetricEntry {
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** What it means; the unit stands in the name. */
  readonly help: string
  readonly labels: readonly string[]
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[]
}

const requestSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]
const tokenSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5]
const firstTokenSeconds = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30,
]

/**
 * Every metric by its name: the names are an interface and change only with the major version. The two that begin with
 * gen_ai carry the names of OpenTelemetry's conventions for generative AI servers, so that dashboards for those fit.
 * Each label has few values: patterns of routes, never paths; models that are served, never what a request asked for; kinds of resources, not
 * resources, but for those that run a process of their own.
 */
export const metricCatalogue = {
  exovisor_requests_total: {
    type: 'counter',
    help: 'HTTP requests that are over, by method, pattern of the route, and status',
    labels: ['method', 'route', 'status'],
  },
  exovisor_requests_running: { type: 'gauge', help: 'HTTP requests under way', labels: [] },
  exovisor_request_duration_seconds: {
    type: 'histogram',
    help: 'time from the arrival of an HTTP request to the end of its answer',
    labels: ['route'],
    buckets: requestSeconds,
  },
  exovisor_generations_total: {
    type: 'counter',
    help: 'generations that are over, by how they ended: stop, length, aborted or failed',
    labels: ['model', 'outcome'],
  },
  exovisor_tokens_total: {
    type: 'counter',
    help: 'tokens of prompts (kind prompt) and of answers (kind completion)',
    labels: ['model', 'kind'],
  },
  exovisor_failovers_total: {
    type: 'counter',
    help: 'generations resumed on another placement after a stage was lost',
    labels: ['model'],
  },
  gen_ai_server_time_to_first_token_seconds: {
    type: 'histogram',
    help: 'time from the arrival of a request to its first token',
    labels: ['gen_ai_request_model'],
    buckets: firstTokenSeconds,
  },
  gen_ai_server_time_per_output_token_seconds: {
    type: 'histogram',
    help: 'mean time for each token of an answer after the first',
    labels: ['gen_ai_request_model'],
    buckets: tokenSeconds,
  },
  exovisor_generations_running: {
    type: 'gauge',
    help: 'generations that have a place in the engine now',
    labels: [],
  },
  exovisor_generations_waiting: {
    type: 'gauge',
    help: 'generations that wait for a place in the engine',
    labels: [],
  },
  exovisor_restarts_total: {
    type: 'counter',
    help: 'incarnations of resources that were started after another one, by kind of resource',
    labels: ['kind'],
  },
  exovisor_give_ups_total: {
    type: 'counter',
    help: 'supervisors that gave up: a child spent its restart intensity, or its failure was to be escalated',
    labels: [],
  },
  exovisor_dead_letters_total: {
    type: 'counter',
    help: 'messages to resources that were refused, by kind of resource',
    labels: ['kind'],
  },
  exovisor_resources: {
    type: 'gauge',
    help: 'resources by kind and state; every state of a kind that is there has a value',
    labels: ['kind', 'state'],
  },
  exovisor_mailbox_messages: {
    type: 'gauge',
    help: 'messages that wait in the mailboxes of all resources of a kind',
    labels: ['kind'],
  },
  exovisor_mailbox_longest_messages: {
    type: 'gauge',
    help: 'messages that wait in the fullest mailbox of a kind',
    labels: ['kind'],
  },
  exovisor_viewers: {
    type: 'gauge',
    help: 'consoles and inspectors that are connected',
    labels: [],
  },
  exovisor_event_loop_delay_seconds: {
    type: 'gauge',
    help: 'how late timers fire since the metrics were read before: quantile 0.5, 0.99, and 1 for the longest',
    labels: ['quantile'],
  },
  exovisor_child_process_resident_memory_bytes: {
    type: 'gauge',
    help: 'resident memory of the processes that resources run, by path of the resource, the largest 64 of them (on Linux)',
    labels: ['resource'],
  },
  exovisor_build_info: { type: 'gauge', help: '1, with the version of this node', labels: ['version'] },
  process_start_time_seconds: {
    type: 'gauge',
    help: 'when the process of the node began, in seconds since 1970',
    labels: [],
  },
  process_resident_memory_bytes: { type: 'gauge', help: 'resident memory of the node itself', labels: [] },
  process_cpu_seconds_total: {
    type: 'counter',
    help: 'user and system time of the node itself',
    labels: [],
  },
} as const satisfies Readonly<Record<string, MetricEntry>>

/** A name of {@link metricCatalogue}. */
export type MetricName = keyof typeof metricCatalogue
