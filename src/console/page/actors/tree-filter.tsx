import { useEffect, useRef } from 'react'
import type { LifecycleState } from '../../../../machines/lifecycle.ts'
import { states } from './actor-tree.ts'
import { StateGlyph } from './state-glyph.tsx'

interface TreeFilterProps {
  readonly search: string
  readonly chosen: ReadonlySet<LifecycleState>
  readonly counts: Readonly<Record<LifecycleState, number>>
  onSearch(search: string): void
  onChoose(states: ReadonlySet<LifecycleState>): void
}

/** The search field (`/` leads to it) and one switch for each state, with its count. */
export function TreeFilter({ search, chosen, counts, onSearch, onChoose }: TreeFilterProps) {
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const toField = (event: KeyboardEvent) => {
      const { tagName } = document.activeElement ?? {}
      if (event.key !== '/' || tagName === 'INPUT' || tagName === 'TEXTAREA') return
      event.preventDefault()
      field.current?.focus()
    }
    addEventListener('keydown', toField)
    return () => removeEventListener('keydown', toField)
  }, [])
  const toggle = (state: LifecycleState) => {
    const next = new Set(chosen)
    if (!next.delete(state)) next.add(state)
    onChoose(next)
  }
  return (
    <div className="tree-filter">
      <input
        ref={field}
        type="search"
        placeholder="Search names, kinds, error codes"
        aria-label="Search the actors"
        aria-keyshortcuts="/"
        value={search}
        onChange={event => onSearch(event.target.value)}
      />
      <fieldset className="state-switches">
        <legend className="unseen">Show only these states</legend>
        {states.map(state => (
          <button
            key={state}
            type="button"
            className="state-switch"
            aria-pressed={chosen.has(state)}
            aria-label={`${state}: ${counts[state]}`}
            title={state}
            disabled={counts[state] === 0 && !chosen.has(state)}
            onClick={() => toggle(state)}
          >
            <StateGlyph state={state} />
            {counts[state].toLocaleString('en')}
          </button>
        ))}
      </fieldset>
    </div>
  )
}
