/** The id of a request, as it stands in `x-request-id` and in log lines. */
export const REQUEST_ID = 'exovisor.request.id'
/** The path of a resource, its kind, and the incarnation that the span is about. */
export const RESOURCE_PATH = 'exovisor.resource.path'
export const RESOURCE_KIND = 'exovisor.resource.kind'
export const RESOURCE_INCARNATION = 'exovisor.resource.incarnation'
/** The epoch of a placement. */
export const EPOCH = 'exovisor.epoch'
/** The stages of a placement, first to last: node and layers, e.g. `attic 0-3`. */
export const STAGES = 'exovisor.stages'
/** How long each of those stages was busy with the work of the span, in milliseconds. */
export const STAGES_MS = 'exovisor.stages.busy_ms'
/** How many tokens a stage of the work has taken in or made. */
export const TOKENS = 'exovisor.tokens'
/** By OpenTelemetry's conventions: a code of the error catalogue. */
export const ERROR_TYPE = 'error.type'
