import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, useEffect, useId, useRef } from 'react'
import { duration } from '../app/units.ts'
import type { TreeLine } from './actor-tree.ts'
import { StateGlyph } from './state-glyph.tsx'

const ROW_HEIGHT = 28

interface TreePaneProps {
  readonly lines: readonly TreeLine[]
  readonly selected: string | undefined
  /** The moment that the tree shows, in milliseconds since 1970. */
  readonly now: number
  readonly label: string
  onSelect(path: string): void
  onToggle(path: string, expanded: boolean): void
}

/** A tree of which only what is seen is in the document. One stop of the Tab key; arrows move in it. */
export function TreePane({ lines, selected, now, label, onSelect, onToggle }: TreePaneProps) {
  const scroller = useRef<HTMLDivElement>(null)
  const id = useId()
  const at = lines.findIndex(({ row }) => row.path === selected)
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
  })
  // Only when another one is selected, or has just come: the tree does not jump when it grows.
  const isThere = at >= 0
  const place = useRef(at)
  place.current = at
  const scrollTo = useRef(virtual.scrollToIndex)
  useEffect(() => {
    if (selected !== undefined && isThere) scrollTo.current(place.current)
  }, [selected, isThere])
  const onKeyDown = (event: KeyboardEvent) => {
    const next = keyTarget(event.key, lines, at)
    const line = lines[at]
    if (line && event.key === 'ArrowRight' && line.expanded === false) onToggle(line.row.path, true)
    else if (line && event.key === 'ArrowLeft' && line.expanded === true) onToggle(line.row.path, false)
    else if (next !== undefined) onSelect(next)
    else return
    event.preventDefault()
  }
  const items = virtual.getVirtualItems()
  const isInDocument = items.some(item => item.index === at)
  return (
    <div
      ref={scroller}
      className="tree"
      role="tree"
      tabIndex={0}
      aria-label={label}
      aria-activedescendant={isInDocument ? `${id}-${at}` : undefined}
      onKeyDown={onKeyDown}
    >
      <div role="presentation" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
        {items.map(({ index, start }) => {
          const line = lines[index]
          return (
            line && (
              <TreeRow
                key={line.row.path}
                id={`${id}-${index}`}
                line={line}
                top={start}
                now={now}
                selected={index === at}
                onSelect={onSelect}
                onToggle={onToggle}
              />
            )
          )
        })}
      </div>
    </div>
  )
}

interface TreeRowProps extends Pick<TreePaneProps, 'now' | 'onSelect' | 'onToggle'> {
  readonly id: string
  readonly line: TreeLine
  readonly top: number
  readonly selected: boolean
}

function TreeRow({ id, line, top, now, selected, onSelect, onToggle }: TreeRowProps) {
  const { row, depth, expanded, matches, position, siblings } = line
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the tree itself has the focus, and names its active row
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are taken by the tree
    <div
      id={id}
      role="treeitem"
      aria-level={depth + 1}
      aria-expanded={expanded}
      aria-selected={selected}
      aria-setsize={siblings}
      aria-posinset={position}
      className={`tree-row${matches ? '' : ' faint'}`}
      style={{ transform: `translateY(${top}px)` }}
      data-path={row.path}
      data-state={row.state}
      onClick={() => onSelect(row.path)}
    >
      <span className="tree-name" style={{ paddingInlineStart: depth * 16 }}>
        <span
          className={`twist${expanded === undefined ? ' none' : expanded ? ' open' : ''}`}
          aria-hidden="true"
          onClick={event => {
            if (expanded === undefined) return
            event.stopPropagation()
            onToggle(row.path, !expanded)
          }}
        />
        <StateGlyph state={row.state} />
        <span className="name" title={row.displayName}>
          {row.name}
        </span>
        {row.suspended && <span className="badge">suspended</span>}
        {row.error && row.state !== 'READY' && <span className="error-code">{row.error}</span>}
      </span>
      <span className="dim kind">{row.kind}</span>
      <span className="unseen">{row.state}</span>
      <span className={`number${row.restarts > 0 ? '' : ' zero'}`} title={`${row.restarts} restarts`}>
        {row.restarts > 0 ? `↻ ${row.restarts}` : ''}
      </span>
      <span className="number dim">{duration(now - row.since)}</span>
    </div>
  )
}

/** Which path a key leads to. */
function keyTarget(key: string, lines: readonly TreeLine[], at: number): string | undefined {
  const path = (index: number) => lines[Math.min(lines.length - 1, Math.max(0, index))]?.row.path
  const moves: Readonly<Record<string, number>> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + 15,
    PageUp: at - 15,
  }
  const moved = moves[key]
  if (moved !== undefined) return path(moved)
  if (key === 'Home') return path(0)
  if (key === 'End') return path(lines.length - 1)
  const line = lines[at]
  if (key === 'ArrowLeft' && line && line.depth > 0) return line.row.parent
  if (key === 'ArrowRight' && line?.expanded) return path(at + 1)
  return undefined
}
