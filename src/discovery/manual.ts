export const manualDiscovery = undefined as never
