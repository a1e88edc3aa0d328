const PREFIX = 'endpoint:'

/** Stands in for the id of a node of which only the endpoint is known. No real node id has a colon in it. */
export function provisionalId(endpoint: string): string {
  return PREFIX + endpoint
}

/** True for what {@link provisionalId} makes. */
export function isProvisionalId(id: string): boolean {
  return id.startsWith(PREFIX)
}
