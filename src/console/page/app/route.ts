import { useSyncExternalStore } from 'react'

export const tabs = ['chat', 'cluster', 'actors', 'travel', 'metrics'] as const
export type Tab = (typeof tabs)[number]

/** Where the page stands: a tab, and in some of them an actor. */
export interface Route {
  readonly tab: Tab
  readonly path: string | undefined
}

function routeOf(hash: string): Route {
  const [tab, path] = hash.replace(/^#\//, '').split('?')
  let decoded: string | undefined
  try {
    decoded = path ? decodeURIComponent(path) : undefined
  } catch {
    decoded = undefined
  }
  return { tab: tabs.find(known => known === tab) ?? 'actors', path: decoded }
}

/** The address of a tab, or of an actor in it. */
export function hrefOf(tab: Tab, path?: string): string {
  return `#/${tab}${path === undefined ? '' : `?${encodeURIComponent(path)}`}`
}

export function goTo(tab: Tab, path?: string): void {
  location.hash = hrefOf(tab, path)
}

function subscribe(listener: () => void): () => void {
  addEventListener('hashchange', listener)
  return () => removeEventListener('hashchange', listener)
}

export function useRoute(): Route {
  return routeOf(useSyncExternalStore(subscribe, () => location.hash))
}
