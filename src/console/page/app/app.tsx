import { type ComponentType, useEffect, useRef } from 'react'
import { ActorsTab } from '../actors/actors-tab.tsx'
import { ChatTab } from '../chat/chat-tab.tsx'
import { ClusterTab } from '../cluster/cluster-tab.tsx'
import { MetricsTab } from '../metrics/metrics-tab.tsx'
import { TravelTab } from '../travel/travel-tab.tsx'
import { Header } from './header.tsx'
import { LinkBanner } from './link-banner.tsx'
import { type Tab, useRoute } from './route.ts'

const contents: Readonly<Record<Tab, ComponentType>> = {
  chat: ChatTab,
  cluster: ClusterTab,
  actors: ActorsTab,
  travel: TravelTab,
  metrics: MetricsTab,
}

const tabNames: Readonly<Record<Tab, string>> = {
  chat: 'Chat',
  cluster: 'Cluster',
  actors: 'Actors',
  travel: 'Time travel',
  metrics: 'Metrics',
}

export function App() {
  const { tab } = useRoute()
  const main = useRef<HTMLElement>(null)
  const shown = useRef(tab)
  useEffect(() => {
    document.title = `${tabNames[tab]} · Exovisor console`
    // Whoever listens to the page instead of seeing it stands at the beginning of what is new.
    if (shown.current !== tab) main.current?.focus()
    shown.current = tab
  }, [tab])
  const Content = contents[tab]
  return (
    <>
      <a className="skip" href={`#/${tab}`} onClick={() => main.current?.focus()}>
        Skip to the content
      </a>
      <Header tab={tab} names={tabNames} />
      <LinkBanner />
      <main ref={main} tabIndex={-1} className={`tab-${tab}`}>
        <Content />
      </main>
    </>
  )
}
