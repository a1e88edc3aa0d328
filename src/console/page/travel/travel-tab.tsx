import { useEffect, useMemo, useState } from 'react'
import type { ActorRow, JournalLine } from '../../../observe/view/messages.ts'
import { treeAt } from '../../../observe/view/tree-at.ts'
import { TreeFilter } from '../actors/tree-filter.tsx'
import { TreePane } from '../actors/tree-pane.tsx'
import { useTree } from '../actors/use-tree.ts'
import { goTo, hrefOf, useRoute } from '../app/route.ts'
import { plural } from '../app/units.ts'
import { useLive } from '../live/live-context.ts'
import { JournalSource, type LoadedJournal } from './journal-source.tsx'
import { MomentView } from './moment-view.tsx'
import { TimeSlider } from './time-slider.tsx'

const NOTHING: ReadonlyMap<string, ActorRow> = new Map()

/** The tree as it was at any moment that the journal still has. */
export function TravelTab() {
  const { state, connection, version } = useLive('journal')
  const { path } = useRoute()
  const [loaded, setLoaded] = useState<LoadedJournal>()
  // The sequence number that is shown; undefined follows the newest line.
  const [chosen, setChosen] = useState<number>()
  useEffect(() => {
    if (state.hello && state.journal[0]?.sequence !== 1) connection.askJournal(0)
  }, [connection, state, state.hello])
  useEffect(() => connection.watch(path === undefined ? [] : [path]), [connection, path])
  useEffect(() => () => connection.watch([]), [connection])

  const { lines, index, at, rows } = useMoment(state.journal, version, loaded, chosen)
  const tree = useTree(rows, at?.sequence)

  return (
    <div className="travel">
      <section className="box time-box" aria-label="Time">
        <JournalSource
          loaded={loaded}
          onLoad={journal => {
            setLoaded(journal)
            setChosen(undefined)
          }}
        />
        <TimeSlider
          lines={lines}
          index={index}
          isLive={loaded === undefined && chosen === undefined}
          canFollow={loaded === undefined}
          onChoose={setChosen}
        />
      </section>
      <div className={`split${path === undefined ? '' : ' has-detail'}`}>
        <section className="pane" aria-label="Supervision tree at that moment">
          <TreeFilter
            search={tree.search}
            chosen={tree.chosen}
            counts={tree.counts}
            onSearch={tree.setSearch}
            onChoose={tree.setChosen}
          />
          <TreePane
            lines={tree.lines}
            selected={path}
            now={at?.time ?? 0}
            label="Supervision tree at that moment"
            onSelect={one => goTo('travel', one)}
            onToggle={tree.toggle}
          />
          <p className="pane-foot dim">{plural(rows.size, 'resource')} at that moment</p>
        </section>
        <section className="pane detail-pane" aria-label="What happened">
          {path !== undefined && (
            <a className="back" href={hrefOf('travel')}>
              ← All actors
            </a>
          )}
          <MomentView
            lines={lines}
            index={index}
            row={path === undefined ? undefined : rows.get(path)}
            path={path}
          />
        </section>
      </div>
    </div>
  )
}

/** The lines that are travelled, the one that is shown, and the tree at it. */
function useMoment(
  live: readonly JournalLine[],
  version: number,
  loaded: LoadedJournal | undefined,
  chosen: number | undefined,
) {
  const lines = useMemo(() => {
    void version
    return loaded?.lines ?? [...live]
  }, [loaded, live, version])
  const found = chosen === undefined ? lines.length - 1 : lines.findLastIndex(line => line.sequence <= chosen)
  const index = Math.max(0, found)
  const at = lines[index]
  const rows = useMemo(() => (at ? treeAt(lines, at.sequence) : NOTHING), [lines, at])
  return { lines, index, at, rows }
}
