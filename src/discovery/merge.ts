import type { DiscoveryClient } from './discovery.ts'
export function mergeDiscovery(sources: readonly DiscoveryClient[]): DiscoveryClient {
  return {
    peers: () => sources.flatMap(source => source.peers()),
    subscribe(listener) {
      const leaves = sources.map(source => source.subscribe(listener))
      return () => {
        for (const leave of leaves) leave()
      }
    },
  }
}
