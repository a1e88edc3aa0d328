import { useState } from 'react'
import { countStates } from '../actors/actor-tree.ts'
import { StateGlyph } from '../actors/state-glyph.tsx'
import { useLive } from '../live/live-context.ts'
import { hrefOf, type Tab, tabs } from './route.ts'
import { TabIcon } from './tab-icon.tsx'
import { applyTheme, storedTheme, themes } from './theme.ts'

interface HeaderProps {
  readonly tab: Tab
  readonly names: Readonly<Record<Tab, string>>
}

/** The node, the tabs, how many resources are in which state, and the theme. */
export function Header({ tab, names }: HeaderProps) {
  const { state, connection } = useLive('link')
  const { hello } = state
  return (
    <header className="top">
      <div className="brand">
        <span className={`link-dot ${connection.link.kind}`} aria-hidden="true" />
        <h1>{hello?.node.name ?? 'Exovisor'}</h1>
        {hello && (
          <span className="dim brand-facts">
            pid {hello.node.pid} · v{hello.node.version}
          </span>
        )}
      </div>
      <nav aria-label="Parts of the console">
        {tabs.map(name => (
          <a key={name} href={hrefOf(name)} aria-current={name === tab ? 'page' : undefined}>
            <TabIcon tab={name} />
            <span>{names[name]}</span>
          </a>
        ))}
      </nav>
      <div className="top-right">
        <Totals />
        <ThemeSwitch />
      </div>
    </header>
  )
}

function Totals() {
  const { state } = useLive('rows')
  const counts = countStates(state.rows.values())
  const shown = (['READY', 'DEGRADED', 'ERROR'] as const).filter(name => name === 'READY' || counts[name] > 0)
  return (
    <ul className="totals" aria-label="Resources by state">
      {shown.map(name => (
        <li key={name} title={`${counts[name]} ${name}`}>
          <StateGlyph state={name} /> {counts[name].toLocaleString('en')}
          <span className="unseen"> {name}</span>
        </li>
      ))}
    </ul>
  )
}

const signs = { system: '◐', light: '☀', dark: '☾' }

function ThemeSwitch() {
  const [theme, setTheme] = useState(storedTheme)
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'system'
  return (
    <button
      type="button"
      className="quiet icon"
      aria-label={`Theme: ${theme}. Change to ${next}`}
      title={`Theme: ${theme}`}
      onClick={() => {
        applyTheme(next)
        setTheme(next)
      }}
    >
      <span aria-hidden="true">{signs[theme]}</span>
    </button>
  )
}
