import { createContext, useCallback, useContext, useSyncExternalStore } from 'react'
import type { Connection } from './connection.ts'
import type { LiveState, Topic } from './live-state.ts'

/** What every part of the page can reach. */
export interface Live {
  readonly state: LiveState
  readonly connection: Connection
}

export const LiveContext = createContext<Live | undefined>(undefined)

/** The node as it is told, and the way to it; renders again when one of the topics changes. `version` changes with it. */
export function useLive(topic: Topic): Live & { readonly version: number } {
  const live = useContext(LiveContext)
  if (!live) throw new Error('a part of the page stands outside of its LiveContext')
  const { state } = live
  const subscribe = useCallback((listener: () => void) => state.subscribe(topic, listener), [state, topic])
  const version = useSyncExternalStore(subscribe, () => state.version(topic))
  return { ...live, version }
}
