import type { Tab } from './route.ts'

const shapes: Readonly<Record<Tab, string>> = {
  chat: 'M3 4.5h12v8H8l-3.5 3v-3H3z',
  cluster:
    'M9 3.2v4M9 7.2 4.6 12M9 7.2l4.4 4.8M7.4 3.2a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0M2.4 13.4a1.8 1.8 0 1 0 3.6 0 1.8 1.8 0 1 0-3.6 0M12 13.4a1.8 1.8 0 1 0 3.6 0 1.8 1.8 0 1 0-3.6 0',
  actors: 'M3 3.5h5M5 3.5v11M5 8.5h4M5 14.5h4M11 8.5h4.5M11 14.5h4.5',
  travel: 'M9 5v4.2l2.8 1.8M3 9a6.2 6.2 0 1 0 2-4.5M3.2 2.6v2.6h2.6',
  metrics: 'M2.5 15.2h13M3.5 11.5l3.4-4 3 2.4 4.6-6',
}

export function TabIcon({ tab }: { readonly tab: Tab }) {
  return (
    <svg viewBox="0 0 18 18" width="18" height="18" aria-hidden="true" className="tab-icon">
      <path d={shapes[tab]} />
    </svg>
  )
}
